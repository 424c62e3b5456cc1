# Services that init starts, restarts and refuses (services/*.c), signed by the test key.
if(TARGET guest_test_phoenix)
  set(restart TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/restart.table)
  ceno_bundle(bundle-phoenix.bin ${CENO_DEVELOPMENT_KEY} ${restart}
    nucleus=guest_nucleus init=guest_init prov=guest_test_phoenix entry=guest_entry)
  ceno_test(NAME guest_manifests COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/services/manifests.py ${CMAKE_BINARY_DIR}/bin/ceno-vmm
    ${CMAKE_BINARY_DIR}/blobs ${CENO_DEVELOPMENT_KEY} ${CMAKE_BINARY_DIR}/blobs/bundle-phoenix.bin LABELS kvm)
  ceno_bundle(bundle-kills.bin ${CENO_DEVELOPMENT_KEY} TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/kills.table
    nucleus=guest_nucleus init=guest_test_kills prov=guest_test_victim entry=guest_entry)
  ceno_test(NAME guest_kills COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/services/kills.py ${CMAKE_BINARY_DIR}/bin/ceno-vmm
    ${CMAKE_BINARY_DIR}/blobs ${CMAKE_BINARY_DIR}/blobs/bundle-kills.bin TIMEOUT 400 LABELS kvm)
  # prov writes down what phoenix.c does; init tells it, from BOOT on.
  if(TARGET guest_prov)
    ceno_bundle(bundle-trail.bin ${CENO_DEVELOPMENT_KEY} TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/trail.table
      nucleus=guest_nucleus init=guest_init vault=guest_test_phoenix_vault prov=guest_prov entry=guest_entry)
    ceno_bundle(bundle-narrow.bin ${CENO_DEVELOPMENT_KEY} TABLE ${CMAKE_CURRENT_SOURCE_DIR}/services/trail.table
      nucleus=guest_nucleus init=guest_init vault=guest_test_narrow prov=guest_prov entry=guest_entry)
    ceno_test(NAME guest_trail COMMAND ${direct} --bundle ${CMAKE_BINARY_DIR}/blobs/bundle-trail.bin TIMEOUT 60 LABELS kvm)
    ceno_test(NAME guest_trail_ends COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/services/trail_ends.py ${CMAKE_BINARY_DIR}/bin/ceno-vmm
      ${CMAKE_BINARY_DIR}/bin/ceno ${CMAKE_BINARY_DIR}/blobs ${CENO_DEVELOPMENT_KEY} ${CMAKE_BINARY_DIR}/blobs/bundle-trail.bin
      ${CMAKE_BINARY_DIR}/blobs/bundle-narrow.bin LABELS kvm)
  endif()
endif()
