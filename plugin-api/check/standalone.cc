// The kit without the server: for plugin authors' builds and for the project's own tests.
#include "check.h"

int main(int argc, char** argv) { return serval::check::main(argc, argv); }
