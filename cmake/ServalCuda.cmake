# SERVAL_CUDA=ON: the CUDA language, or an error that says what is missing.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR
    "SERVAL_CUDA=ON needs nvcc of the CUDA toolkit, version 13 or newer, and found none. Put nvcc on "
    "PATH, set CMAKE_CUDA_COMPILER to it, or configure with -DSERVAL_CUDA=OFF.")
endif()
# Turing to Hopper as machine code; newer devices compile the intermediate code when they load it.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "SERVAL_CUDA=ON needs nvcc 13 or newer; ${CMAKE_CUDA_COMPILER} is "
                      "${CMAKE_CUDA_COMPILER_VERSION}")
endif()
# CMake before 3.26 does not know how to ask nvcc for C++20.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
find_package(CUDAToolkit 13 REQUIRED)
