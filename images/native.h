/*
 * Native programs (guest-kernel/abi/native.h), from ELF files linked with the SDK's
 * linker script. As with modules, whatever a native program cannot have (an
 * interpreter, relocations, thread-local storage, a segment both writable and
 * executable) is refused with a sentence that says so.
 */
#ifndef CENO_IMAGES_NATIVE_H
#define CENO_IMAGES_NATIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Makes a native file. elf: borrowed, any content. What the program asks for is read
 * from its section CENO_NATIVE_SECTION; without one it gets the defaults.
 * *file is allocated (free it) and has *file_bytes bytes that ceno_native_check accepts.
 * Returns NULL, or a static sentence saying why the ELF file is refused; then nothing is set.
 */
const char *ceno_native_make(const uint8_t *elf, size_t bytes, uint8_t **file, size_t *file_bytes);

/* Lists a native file for people, with its content id. file: 8-byte aligned, any
 * content. NULL, or the static sentence of what ceno_native_check found. */
const char *ceno_native_show(FILE *out, const void *file, size_t bytes);

#endif
