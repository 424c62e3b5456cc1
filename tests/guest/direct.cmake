if(TARGET guest_test_paths)
  ceno_test(NAME vmm_direct_refusals COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/direct-refusals $<TARGET_FILE:ceno-vmm>
    ${CMAKE_BINARY_DIR}/blobs ${CMAKE_BINARY_DIR}/blobs/bundle-paths.bin LABELS kvm)
endif()
