/*
 * What every guest link has in common: the sections that must not exist. A
 * module has text, rodata and bss; initialised writable data, a GOT, and
 * relocations left for load time fail the link.
 */
#ifndef CENO_LINK_SECTIONS_LD_H
#define CENO_LINK_SECTIONS_LD_H

/* For a debugger only: not loaded. */
#define CENO_LINK_DEBUG \
	.debug_info 0 : { *(.debug_info) } \
	.debug_abbrev 0 : { *(.debug_abbrev) } \
	.debug_aranges 0 : { *(.debug_aranges) } \
	.debug_line 0 : { *(.debug_line) } \
	.debug_line_str 0 : { *(.debug_line_str) } \
	.debug_str 0 : { *(.debug_str) } \
	.debug_str_offsets 0 : { *(.debug_str_offsets) } \
	.debug_addr 0 : { *(.debug_addr) } \
	.debug_loclists 0 : { *(.debug_loclists) } \
	.debug_loc 0 : { *(.debug_loc) } \
	.debug_rnglists 0 : { *(.debug_rnglists) } \
	.debug_ranges 0 : { *(.debug_ranges) } \
	.debug_frame 0 : { *(.debug_frame) }

#define CENO_LINK_REFUSED                                                             \
	.data : { *(.data .data.*) *(.tdata .tdata.*) *(.tbss .tbss.*) }                  \
	.got : { *(.got .igot .igot.plt) }                                                              \
	.got.plt (INFO) : { *(.got.plt) }                                                 \
	.plt : { *(.plt) *(.plt.*) *(.iplt) }                                             \
	.init_array : { *(.init_array .init_array.* .ctors .fini_array .dtors) }          \
	.rela.dyn : { *(.rela.*) *(.rela_*) }                                             \
	/DISCARD/ : { *(.dynamic) *(.dynsym) *(.dynstr) *(.hash) *(.gnu.hash) *(.interp)  \
	              *(.note.*) *(.comment) *(.eh_frame) *(.eh_frame_hdr) *(.gnu.version*)     \
	              *(.dynbss) *(.sframe) }                                           \
	CENO_LINK_DEBUG

#define CENO_LINK_ASSERTS                                                             \
	ASSERT(SIZEOF(.data) == 0, "guest link: initialised writable data (.data) is not allowed")      \
	ASSERT(SIZEOF(.got) == 0, "guest link: a GOT entry is left")                      \
	ASSERT(SIZEOF(.got.plt) == 0 || SIZEOF(.got.plt) == 0x18, "guest link: a .got.plt entry is left") \
	ASSERT(SIZEOF(.plt) == 0, "guest link: a PLT entry is left")                      \
	ASSERT(SIZEOF(.init_array) == 0, "guest link: constructors are not allowed")      \
	ASSERT(SIZEOF(.rela.dyn) == 0, "guest link: a relocation is left for load time")

#endif
