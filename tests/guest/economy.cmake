# Energy, strikes and events, seen from ring 3.
if(TARGET guest_test_economy)
  ceno_bundle(bundle-economy.bin ${CENO_DEVELOPMENT_KEY} TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/plain.table
    nucleus=guest_nucleus init=guest_init membrane=guest_test_economy entry=guest_entry)
  ceno_test(NAME guest_economy COMMAND ${direct} --pledge 0x11 --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-economy.bin TIMEOUT 60 LABELS kvm)
endif()
