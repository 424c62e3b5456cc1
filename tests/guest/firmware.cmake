# The firmware in a running guest, and what ring-0 text may hold.
ceno_guest_module(test_handover nucleus.ld ${CMAKE_CURRENT_SOURCE_DIR}/firmware/start.S
  ${CMAKE_CURRENT_SOURCE_DIR}/firmware/handover.c)
ceno_bundle(bundle-handover.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_test_handover init=guest_init entry=guest_entry)
if(TARGET blob_bundle-handover)
  ceno_test(NAME guest_firmware COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/firmware/boot.py ${CMAKE_BINARY_DIR}/bin/ceno-vmm
    ${CMAKE_BINARY_DIR}/blobs LABELS kvm)
endif()

if(TARGET guest_firmware AND TARGET guest_nucleus)
  ceno_test(NAME guest_ring0_instructions COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/ring0_instructions.py --self-test
    $<TARGET_FILE:guest_firmware>:.stub $<TARGET_FILE:guest_nucleus>:.text)
  ceno_test(NAME guest_ring0_contents COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/ring0_contents.py
    $<TARGET_FILE:guest_nucleus> ${CMAKE_SOURCE_DIR}/guest-kernel)
endif()
