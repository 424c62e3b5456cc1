if(TARGET guest_membrane)
  ceno_test(NAME guest_busybox COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/busybox.sh ${CMAKE_BINARY_DIR} TIMEOUT 600 LABELS kvm)
endif()
