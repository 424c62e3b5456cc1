# Linking of guest code: one function for firmware, nucleus, services, entry page.
#
# ceno_guest_module(NAME SCRIPT SOURCES...)
#   Compiles SOURCES (C and .S) with the guest flags and links them with SCRIPT
#   (a file name in firmware/link: nucleus.ld, service.ld, compact.ld, entry.ld, firmware.ld)
#   and guest-kernel/lib to <build>/guest/NAME.elf. Target: guest_NAME. Nothing
#   else is linked, libgcc neither. Guest code is GCC's; with another compiler
#   (the fuzzing build) no target is made, so ask if(TARGET guest_NAME).

# Linker scripts use the ABI's addresses, hence the preprocessor.
function(ceno_guest_script script out)
  set(in ${CMAKE_SOURCE_DIR}/firmware/link/${script})
  set(result ${CMAKE_BINARY_DIR}/guest/${script})
  get_property(known GLOBAL PROPERTY CENO_SCRIPT_${script})
  if(NOT known)
    add_custom_command(OUTPUT ${result}
      COMMAND ${CMAKE_C_COMPILER} -E -P -x assembler-with-cpp -I${CMAKE_SOURCE_DIR}/guest-kernel -o ${result} ${in}
      DEPENDS ${in} ${CMAKE_SOURCE_DIR}/firmware/link/service.ld ${CMAKE_SOURCE_DIR}/firmware/link/sections.inc ${CMAKE_SOURCE_DIR}/guest-kernel/abi/layout.h
      COMMENT "linker script ${script}" VERBATIM)
    string(REPLACE . _ target guest_script_${script})
    add_custom_target(${target} DEPENDS ${result})
    set_property(GLOBAL PROPERTY CENO_SCRIPT_${script} ${target})
    set(known ${target})
  endif()
  set(${out} ${result} PARENT_SCOPE)
  set(${out}_target ${known} PARENT_SCOPE)
endfunction()

function(ceno_guest_module name script)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/guest)
  ceno_guest_script(${script} ld)
  set(target guest_${name})
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name}.elf RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/guest
    POSITION_INDEPENDENT_CODE OFF LINKER_LANGUAGE C LINK_DEPENDS ${ld})
  target_compile_options(${target} PRIVATE ${CENO_GUEST_FLAGS})
  if(script STREQUAL "nucleus.ld")
    set(kind -pie -Wl,--no-dynamic-linker -Wl,-z,text)
  else()
    set(kind -static -no-pie)
  endif()
  target_link_options(${target} PRIVATE -nostdlib ${kind}
    -Wl,-T,${ld} -Wl,--gc-sections -Wl,--build-id=none -Wl,--orphan-handling=error
    -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,max-page-size=4096 -Wl,--fatal-warnings)
  if(TARGET ceno_guestlib)
    target_link_libraries(${target} PRIVATE ceno_guestlib)
  endif()
  add_dependencies(${target} ${ld_target})
endfunction()
