# serval check of the whisper plugin with a real model, which must be there if SERVAL_REQUIRE_MODELS
# says so. Variables: SERVAL, PLUGIN, SOURCE.
set(models ${SOURCE}/models)
if(DEFINED ENV{SERVAL_MODELS})
  set(models $ENV{SERVAL_MODELS})
endif()
set(model ${models}/whisper-tiny.en)
if(NOT EXISTS ${model}/model.bin)
  if(DEFINED ENV{SERVAL_REQUIRE_MODELS})
    message(FATAL_ERROR "${model} is absent")
  endif()
  message(STATUS "skipped: ${model} is absent")
  return()
endif()
execute_process(
  COMMAND ${SERVAL} check ${PLUGIN} --only-failed --model ${model} --config "{\"threads\":1}"
    --request tests/plugins/whisper/transcribe.json
    --request tests/plugins/whisper/transcribe_stream.json
    --request tests/plugins/whisper/transcribe_upload.json
  WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "serval check found what is above")
endif()
