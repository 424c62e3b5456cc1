# The reference model (tests/model) against the nucleus in a guest, in random traces.
if(TARGET guest_test_replay)
  ceno_bundle(bundle-replay.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_nucleus init=guest_test_replay entry=guest_entry)
  ceno_test(NAME guest_model COMMAND ${CMAKE_SOURCE_DIR}/tests/model/guest.py ${CMAKE_BINARY_DIR}/bin/ceno-vmm
    ${CMAKE_BINARY_DIR}/blobs ${CMAKE_BINARY_DIR}/blobs/bundle-replay.bin TIMEOUT 400 LABELS kvm)
endif()
