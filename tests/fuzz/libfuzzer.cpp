#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/targets.hpp"

/// `fuzz --target=NAME …`: libFuzzer's flags follow; `--list` names the targets.
namespace {

const tributary::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kFlag = "--target=";
  const auto all = tributary::fuzz::targets();
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument((*argv)[i]);
    if (argument == "--list") {
      for (const auto& target : all) std::printf("%s\n", std::string(target.name).c_str());
      std::exit(0);
    }
    if (!argument.starts_with(kFlag)) continue;
    const auto found = std::ranges::find(all, argument.substr(kFlag.size()), &tributary::fuzz::Target::name);
    if (found != all.end()) chosen = &*found;
  }
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "fuzz: --target=NAME is missing or unknown; --list names them\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
