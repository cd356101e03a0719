// The whole C++20 SDK for Serval plugins. Header-only, depends on the standard library alone.
// Start with docs/writing-plugins.md.
#pragma once

#include "serval/sdk/checks.hpp"
#include "serval/sdk/engine.hpp"
#include "serval/sdk/engine_client.hpp"
#include "serval/sdk/engine_model.hpp"
#include "serval/sdk/export.hpp"
#include "serval/sdk/host.hpp"
#include "serval/sdk/input_stream.hpp"
#include "serval/sdk/json.hpp"
#include "serval/sdk/loaded_engine.hpp"
#include "serval/sdk/messages.hpp"
#include "serval/sdk/output.hpp"
#include "serval/sdk/params.hpp"
#include "serval/sdk/plugin.hpp"
#include "serval/sdk/request.hpp"
#include "serval/sdk/result.hpp"
#include "serval/sdk/task.hpp"
#include "serval/sdk/text_plugin.hpp"
#include "serval/sdk/utf8.hpp"
