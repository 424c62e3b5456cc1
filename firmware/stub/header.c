/*
 * The part of the firmware's header page that is constant; the linker script
 * (firmware/link/firmware.ld) appends the offsets.
 */
#include "abi/bundle.h"

extern const uint64_t ceno_firmware_magic;
extern const uint32_t ceno_firmware_abi;

const uint64_t ceno_firmware_magic __attribute__((section(".header.magic"))) = CENO_FIRMWARE_MAGIC;
const uint32_t ceno_firmware_abi __attribute__((section(".header.abi"))) = CENO_ABI_VERSION;

/* What stub.S and firmware.ld state once more, as plain numbers. */
_Static_assert(CENO_STOP_FIRMWARE_FAULT == 0x008 && CENO_STOP_NONE == 0, "stub.S: stop codes");
_Static_assert(CENO_VECTORS == 34 && CENO_VECTOR_BYTES == 32, "stub.S: vectors");
_Static_assert(__builtin_offsetof(struct ceno_firmware_header, total_bytes) == 12, "firmware.ld: header");
_Static_assert(CENO_GPA_FIRMWARE == 0x01000000 && CENO_FIRMWARE_MAX == 131072, "firmware.ld: place");
