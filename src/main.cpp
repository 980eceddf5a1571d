#ifdef TRIBUTARY_UNSANITIZED
#include <unistd.h>

#include <cstdio>
#include <string_view>
#endif

#include "cli/app.hpp"

int main(int argc, char** argv) {
#ifdef TRIBUTARY_UNSANITIZED
  // libchdb frees what libc allocated with libc's own free(), so it cannot live in a process whose allocator is a sanitizer's.
  if (argc > 1 && argv[1] == std::string_view("clickhouse-host")) {
    ::execv(TRIBUTARY_UNSANITIZED, argv);
    std::perror(TRIBUTARY_UNSANITIZED);
    return 1;
  }
#endif
  return tributary::cli::run(argc, argv);
}
