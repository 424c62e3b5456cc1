# What REVOKE costs (./do revoke: with more holders).
if(TARGET guest_test_revoke)
  ceno_bundle(bundle-revoke.bin ${CENO_DEVELOPMENT_KEY} nucleus=guest_nucleus init=guest_test_revoke entry=guest_entry)
  ceno_test(NAME guest_revoke_counts COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/revoke-counts 64 ${CMAKE_CURRENT_SOURCE_DIR}/ring0.table
    ${CMAKE_BINARY_DIR}/bin/ceno-vmm --direct --firmware ${CMAKE_BINARY_DIR}/blobs/firmware.bin
    --trust ${CMAKE_BINARY_DIR}/blobs/trust-development.bin
    --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-revoke.bin TIMEOUT 600 LABELS kvm)
endif()
