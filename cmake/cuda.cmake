# The CUDA device for real GPUs: paceline_cuda_library(TARGET FOLDER) adds it where PACELINE_CUDA allows.
#
# AUTO builds it when an nvcc is found that can compile for one of the architectures; else the program is a CPU program, and configuring says
# why. ON insists. OFF does not look. Kernels are compiled by commands of their own, not by CMake's CUDA language: a machine without nvcc
# configures the same project, and what ptxas says about every kernel is kept beside its object (tests/cuda_resources reads it).
set(PACELINE_CUDA AUTO CACHE STRING "The CUDA device: AUTO, ON or OFF")
set_property(CACHE PACELINE_CUDA PROPERTY STRINGS AUTO ON OFF)
# sm_80 A100, 86 RTX 30, 89 RTX 40, 90 H100 and H200, 120 RTX 50. Those that the nvcc does not know are left out.
set(PACELINE_CUDA_ARCHITECTURES "80;86;89;90;120" CACHE STRING "GPU architectures to compile for")

set(nvcc_flags -std=c++20 -O3 -fmad=false --expt-relaxed-constexpr -Xcompiler=-fPIC,-ffp-contract=off -Xptxas=-v
  -I${PROJECT_SOURCE_DIR}/src)
if(PACELINE_WERROR)
  list(APPEND nvcc_flags -Werror=all-warnings)
endif()

# Sets `architectures` to the wanted ones that nvcc knows.
function(paceline_cuda_architectures)
  execute_process(COMMAND ${PACELINE_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_QUIET)
  set(found "")
  foreach(architecture ${PACELINE_CUDA_ARCHITECTURES})
    if(known MATCHES "compute_${architecture}[^0-9]")
      list(APPEND found ${architecture})
    endif()
  endforeach()
  set(architectures "${found}" PARENT_SCOPE)
endfunction()

# A kernel that nvcc and its host compiler must be able to compile; once per build folder and nvcc.
function(paceline_try_nvcc result)
  if(PACELINE_NVCC_WORKS STREQUAL "${PACELINE_NVCC} ${architectures}")
    set(${result} "" PARENT_SCOPE)
    return()
  endif()
  set(folder ${PROJECT_BINARY_DIR}/CMakeFiles/nvcc)
  list(GET architectures 0 first)
  file(WRITE ${folder}/try.cu "#include <concepts>\n__global__ void kernel(int* x) { *x = std::integral<int>; }\n")
  execute_process(COMMAND ${PACELINE_NVCC} ${nvcc_flags} -arch=sm_${first} -c ${folder}/try.cu -o ${folder}/try.o
    RESULT_VARIABLE status OUTPUT_VARIABLE words ERROR_VARIABLE words)
  if(NOT status EQUAL 0)
    set(${result} "${PACELINE_NVCC} cannot compile a C++20 kernel: ${words}" PARENT_SCOPE)
    return()
  endif()
  set(PACELINE_NVCC_WORKS "${PACELINE_NVCC} ${architectures}" CACHE INTERNAL "")
  set(${result} "" PARENT_SCOPE)
endfunction()

# Sets `reason` to why there is no CUDA device, or to "" and `architectures`, `cuda_include`, `cuda_runtime`.
function(paceline_find_cuda)
  set(architectures "")
  find_program(PACELINE_NVCC nvcc HINTS ENV CUDA_PATH PATH_SUFFIXES bin PATHS /usr/local/cuda)
  if(NOT PACELINE_NVCC)
    set(reason "there is no nvcc" PARENT_SCOPE)
    return()
  endif()
  file(REAL_PATH ${PACELINE_NVCC} nvcc)
  cmake_path(GET nvcc PARENT_PATH root)
  cmake_path(GET root PARENT_PATH root)
  find_path(PACELINE_CUDA_INCLUDE cuda_runtime.h HINTS ${root}/include ${root}/targets/x86_64-linux/include)
  find_library(PACELINE_CUDA_RUNTIME cudart_static HINTS ${root}/lib64 ${root}/targets/x86_64-linux/lib)
  mark_as_advanced(PACELINE_NVCC PACELINE_CUDA_INCLUDE PACELINE_CUDA_RUNTIME)
  paceline_cuda_architectures()
  if(NOT PACELINE_CUDA_INCLUDE OR NOT PACELINE_CUDA_RUNTIME)
    set(reason "${PACELINE_NVCC} has no cuda_runtime.h or no libcudart_static.a beside it" PARENT_SCOPE)
  elseif(NOT architectures)
    set(reason "${PACELINE_NVCC} knows none of the architectures ${PACELINE_CUDA_ARCHITECTURES}" PARENT_SCOPE)
  else()
    paceline_try_nvcc(reason)
    set(reason "${reason}" PARENT_SCOPE)
    set(architectures "${architectures}" PARENT_SCOPE)
  endif()
endfunction()

# The object of one kernel file, and what ptxas said beside it (.ptxas).
function(paceline_compile_kernels target source)
  cmake_path(GET source STEM name)
  set(object ${PROJECT_BINARY_DIR}/cuda/${name}.o)
  set(targets "")
  list(GET architectures -1 newest)
  foreach(architecture ${architectures})
    list(APPEND targets -gencode=arch=compute_${architecture},code=sm_${architecture})
    # GPUs that are newer than all of these, or between them (100, 103 and 110 can do with 90 alone), compile this form when the program starts. Not
    # one below 90, which does not wait where launches overlap (launch.h), unless there is no other.
    if(architecture GREATER_EQUAL 90 OR architecture EQUAL newest)
      list(APPEND targets -gencode=arch=compute_${architecture},code=compute_${architecture})
    endif()
  endforeach()
  add_custom_command(OUTPUT ${object} BYPRODUCTS ${PROJECT_BINARY_DIR}/cuda/${name}.ptxas
    COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/keep_words.sh ${PROJECT_BINARY_DIR}/cuda/${name}.ptxas
            ${CMAKE_CXX_COMPILER_LAUNCHER} ${PACELINE_NVCC} ${nvcc_flags} ${targets} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d COMMENT "Compiling kernels of ${name}.cu" VERBATIM)
  target_sources(${target} PRIVATE ${object})
endfunction()

# The target exists afterwards where there is a CUDA device.
function(paceline_cuda_library target folder)
  if(PACELINE_CUDA STREQUAL "OFF")
    return()
  endif()
  paceline_find_cuda()
  if(reason AND PACELINE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "PACELINE_CUDA=ON: ${reason}")
  elseif(reason)
    message(STATUS "without the CUDA device: ${reason}")
    return()
  endif()
  message(STATUS "with the CUDA device: ${PACELINE_NVCC}, architectures ${architectures}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp)
  file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cu)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/cuda)
  add_library(${target} STATIC ${sources})
  foreach(kernel ${kernels})
    paceline_compile_kernels(${target} ${kernel})
  endforeach()
  target_include_directories(${target} SYSTEM PRIVATE ${PACELINE_CUDA_INCLUDE})
  target_link_libraries(${target} PUBLIC paceline_device_cuda_packing ${PACELINE_CUDA_RUNTIME} ${CMAKE_DL_LIBS} rt)
endfunction()
