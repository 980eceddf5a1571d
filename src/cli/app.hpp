#pragma once

namespace tributary::cli {

/// The whole program: parses the command line, reads and checks the settings once, runs the chosen subcommand. Returns the exit status.
int run(int argc, char** argv);

}  // namespace tributary::cli
