# A frozen fiber, from outside.
if(TARGET guest_test_frozen)
  ceno_bundle(bundle-frozen.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_nucleus init=guest_test_frozen entry=guest_entry)
  ceno_test(NAME guest_frozen COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/frozen-fibers ${direct}
    --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-frozen.bin TIMEOUT 120 LABELS kvm)
endif()
