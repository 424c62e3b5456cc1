# Signed bundles from guest modules.
#
# ceno_bundle(OUTPUT SECRET [TABLE FILE] MODULES...)
#   Makes <build>/blobs/OUTPUT (target blob_<OUTPUT without .bin>, part of ALL),
#   signed by the key file SECRET. Each of MODULES is name=TARGET: a module
#   name and the guest_* target that links it. TABLE says what each may have, by default
#   images/modules.table. Returns without a target if one
#   of them does not exist in this build.
function(ceno_bundle output secret)
  cmake_parse_arguments(PARSE_ARGV 2 bundle "" TABLE "")
  if(NOT bundle_TABLE)
    set(bundle_TABLE ${CMAKE_SOURCE_DIR}/images/modules.table)
  endif()
  set(arguments)
  set(targets)
  foreach(module ${bundle_UNPARSED_ARGUMENTS})
    if(NOT module MATCHES "^([a-z]+)=([A-Za-z0-9_-]+)$")
      message(FATAL_ERROR "ceno_bundle: ${module} is not name=TARGET")
    endif()
    if(NOT TARGET ${CMAKE_MATCH_2})
      return()
    endif()
    list(APPEND arguments ${CMAKE_MATCH_1}=$<TARGET_FILE:${CMAKE_MATCH_2}>)
    list(APPEND targets ${CMAKE_MATCH_2})
  endforeach()
  string(REGEX REPLACE "\\.bin$" "" name ${output})
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/blobs/${output}
    COMMAND ceno-bundle build --secret ${secret} --table ${bundle_TABLE} --out ${CMAKE_BINARY_DIR}/blobs/${output} ${arguments}
    DEPENDS ceno-bundle ${targets} ${secret} ${bundle_TABLE} COMMENT "${output}" VERBATIM)
  add_custom_target(blob_${name} ALL DEPENDS ${CMAKE_BINARY_DIR}/blobs/${output})
  add_dependencies(ceno_blobs blob_${name})
endfunction()

# ceno_trust_page(OUTPUT KEY): <build>/blobs/OUTPUT from a secret key file; target as above.
function(ceno_trust_page output secret)
  string(REGEX REPLACE "\\.bin$" "" name ${output})
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/blobs/${output}
    COMMAND ceno-bundle trust --secret ${secret} --out ${CMAKE_BINARY_DIR}/blobs/${output}
    DEPENDS ceno-bundle ${secret} COMMENT "${output}" VERBATIM)
  add_custom_target(blob_${name} ALL DEPENDS ${CMAKE_BINARY_DIR}/blobs/${output})
  add_dependencies(ceno_blobs blob_${name})
endfunction()
