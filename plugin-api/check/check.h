// The conformance kit: does a plugin keep the ABI's rules? See docs/writing-plugins.md.
#pragma once

namespace serval::check {

// `serval check`: argv[0] is ignored, the rest are the command's own arguments (--help lists them).
// Prints to standard output. Returns 0 when no case failed, 1 when one did, 2 for wrong arguments.
// Runs each case in a child process: call it before the program starts any thread.
int main(int argc, char** argv);

}  // namespace serval::check
