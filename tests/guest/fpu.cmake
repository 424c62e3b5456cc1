# FPU state between fibers, and those that need none (docs/fpu.md).
if(TARGET guest_test_fpu)
  ceno_bundle(bundle-fpu.bin ${CENO_DEVELOPMENT_KEY} TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/fpu.table
    nucleus=guest_nucleus init=guest_init membrane=guest_membrane vault=guest_test_fpu entry=guest_entry)
  add_executable(guest_program_fpu programs/fpu.c)
  target_compile_options(guest_program_fpu PRIVATE -O1 -mgeneral-regs-only -Wall -Wextra)
  target_include_directories(guest_program_fpu PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_options(guest_program_fpu PRIVATE -static)
  set_target_properties(guest_program_fpu PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test-bin)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/blobs/fpu.pack
    COMMAND ceno-mkpack ${CMAKE_BINARY_DIR}/blobs/fpu.pack /bin/fpu=$<TARGET_FILE:guest_program_fpu>:program -- /bin/fpu
    DEPENDS ceno-mkpack guest_program_fpu VERBATIM)
  add_custom_target(pack_fpu ALL DEPENDS ${CMAKE_BINARY_DIR}/blobs/fpu.pack)
  ceno_test(NAME guest_fpu COMMAND ${direct} --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-fpu.bin
    --pack ${CMAKE_BINARY_DIR}/blobs/fpu.pack TIMEOUT 60 LABELS kvm)
  ceno_test(NAME guest_services_integer COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integer-only $<TARGET_FILE:guest_init>
    $<TARGET_FILE:guest_prov> -- $<TARGET_FILE:guest_membrane>)
endif()
