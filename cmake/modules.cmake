# How this project compiles: one flags target, one precompiled header, one static library per folder of src/.

add_library(tributary_flags INTERFACE)
target_include_directories(tributary_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(tributary_flags INTERFACE -Wall -Wextra -Werror -Wthread-safety
  -Wno-missing-designated-field-initializers)  # members have defaults: naming only what differs is the point
target_compile_definitions(tributary_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_options(tributary_flags INTERFACE -fuse-ld=lld)
if(TRIBUTARY_SANITIZE)
  target_compile_options(tributary_flags INTERFACE
    -fsanitize=${TRIBUTARY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(tributary_flags INTERFACE -fsanitize=${TRIBUTARY_SANITIZE})
endif()

if(TRIBUTARY_FUZZ)
  target_compile_options(tributary_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(tributary_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Asio is compiled once here, and this target's precompiled header serves every module.
add_library(tributary_asio STATIC ${CMAKE_SOURCE_DIR}/cmake/asio.cpp)
target_link_libraries(tributary_asio PUBLIC tributary_flags Boost::headers Threads::Threads fmt::fmt
  OpenSSL::SSL OpenSSL::Crypto spdlog::spdlog)
target_precompile_headers(tributary_asio PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.hpp)
# Without times in it: ccache may hand over one that was made in another checkout.
set(TRIBUTARY_PRECOMPILED_OPTIONS -fpch-instantiate-templates "SHELL:-Xclang -fno-pch-timestamp")
target_compile_options(tributary_asio PRIVATE ${TRIBUTARY_PRECOMPILED_OPTIONS})

# tributary_use_precompiled(target [from]): `from` is a target that has a precompiled header, tributary_asio unless it is named.
function(tributary_use_precompiled target)
  set(from tributary_asio)
  if(ARGC GREATER 1)
    set(from ${ARGV1})
  endif()
  target_link_libraries(${target} PRIVATE ${from})
  target_precompile_headers(${target} REUSE_FROM ${from})
  target_compile_options(${target} PRIVATE ${TRIBUTARY_PRECOMPILED_OPTIONS})
endfunction()

# tributary_module(name DEPENDS module… LIBRARIES target…): src/<name>/**/*.cpp as library tributary_<name>.
function(tributary_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(TRANSFORM ARG_DEPENDS PREPEND tributary_)
  if(NOT sources)
    add_library(tributary_${name} INTERFACE)
    target_link_libraries(tributary_${name} INTERFACE tributary_asio ${ARG_DEPENDS} ${ARG_LIBRARIES})
    return()
  endif()
  add_library(tributary_${name} STATIC ${sources})
  target_link_libraries(tributary_${name} PUBLIC tributary_asio ${ARG_DEPENDS} ${ARG_LIBRARIES})
  tributary_use_precompiled(tributary_${name})
endfunction()

# tributary_embed(module EMBED name GLOB pattern): the files' texts as tributary::embedded_<name>().
function(tributary_embed module)
  cmake_parse_arguments(ARG "" "EMBED;GLOB" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ARG_GLOB})
  set(output ${CMAKE_BINARY_DIR}/embedded_${ARG_EMBED}.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DNAME=${ARG_EMBED} -DOUTPUT=${output} "-DFILES=${files}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  target_sources(tributary_${module} PRIVATE ${output})
endfunction()

# tributary_embed_dashboard(module): dashboard/ built by npm, as tributary::embedded_dashboard(). Without TRIBUTARY_DASHBOARD there is none in it.
function(tributary_embed_dashboard module)
  set(source ${CMAKE_SOURCE_DIR}/dashboard)
  set(folder ${CMAKE_BINARY_DIR}/dashboard)
  set(output ${CMAKE_BINARY_DIR}/embedded_dashboard.cpp)
  set(embed ${CMAKE_COMMAND} -DNAME=dashboard -DOUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
  if(TRIBUTARY_DASHBOARD)
    find_program(NPM npm REQUIRED)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${source}/src/*)
    list(APPEND files ${source}/index.html ${source}/package.json ${source}/package-lock.json ${source}/tsconfig.json
         ${source}/vite.config.ts)
    list(INSERT embed 1 -DFOLDER=${folder})
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DNPM=${NPM} -DSOURCE=${source} -DFOLDER=${folder} -P ${CMAKE_SOURCE_DIR}/cmake/dashboard.cmake
      COMMAND ${embed}
      DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/dashboard.cmake ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  else()
    add_custom_command(OUTPUT ${output} COMMAND ${embed} DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  endif()
  target_sources(tributary_${module} PRIVATE ${output})
endfunction()
