if(TARGET guest_test_caps)
  ceno_bundle(bundle-caps.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_nucleus init=guest_test_caps entry=guest_entry)
  ceno_bundle(bundle-caps-once.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_nucleus init=guest_test_caps_once entry=guest_entry)
  ceno_test(NAME guest_caps COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/stops-with 0x5afe0000 ${direct}
    --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-caps.bin LABELS kvm)
endif()
