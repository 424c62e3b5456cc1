# Programs as anybody would build them: static, the host's C library.
if(TARGET guest_membrane)
  foreach(program same end threads processes signals pledged apart remains ahead exhaust procs)
    add_executable(guest_program_${program} programs/${program}.c)
    target_compile_definitions(guest_program_${program} PRIVATE _GNU_SOURCE)
    target_include_directories(guest_program_${program} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(guest_program_${program} PRIVATE -O1 -Wall -Wextra -Wno-infinite-recursion -Wno-array-bounds -Wno-stringop-overflow)
    target_link_options(guest_program_${program} PRIVATE -static)
    set_target_properties(guest_program_${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test-bin)
  endforeach()
  ceno_test(NAME guest_programs COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/programs.sh ${CMAKE_BINARY_DIR}
    $<TARGET_FILE:guest_program_same> $<TARGET_FILE:guest_program_end>
    $<TARGET_FILE:guest_program_pledged>
    $<TARGET_FILE:guest_program_threads> $<TARGET_FILE:guest_program_procs> $<TARGET_FILE:guest_program_processes> $<TARGET_FILE:guest_program_signals>
    $<TARGET_FILE:guest_program_apart> $<TARGET_FILE:guest_program_remains> $<TARGET_FILE:guest_program_ahead>
    TIMEOUT 300 LABELS kvm)
endif()
