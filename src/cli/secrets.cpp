#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "directory/configuration.hpp"

namespace tributary::cli {
namespace {

asio::awaitable<int> reseal(const settings::Settings& settings) {
  auto secrets = secrets_of(settings);
  if (!secrets.has_key()) throw Failure("there is no key to encrypt with; set secrets.key or secrets.key_file", kBadInput);
  auto source = co_await open_source(settings);
  const auto count = co_await directory::reseal(source, std::move(secrets), statement_deadline());
  std::printf("Encrypted anew, or for the first time: the destinations of %s.\n",
              counted(static_cast<std::int64_t>(count), "project").c_str());
  co_return kDone;
}

}  // namespace

void add_secrets(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("secrets", "Encrypt the passwords of destinations in the source");
  command->require_subcommand(1);
  auto* generating = command->add_subcommand("generate", "Print a new key for secrets.key");
  generating->callback([&chosen] {
    chosen = [](const settings::Settings&) {
      std::puts(Secrets::generate_key().c_str());
      return kDone;
    };
  });
  auto* resealing = command->add_subcommand(
      "reseal",
      "Encrypt everything with the first key: what is not encrypted yet, and what an older key did. Then the older one may go");
  resealing->callback([&chosen] {
    chosen = [](const settings::Settings& settings) {
      return run_until_signal([&](std::stop_token) { return reseal(settings); });
    };
  });
}

}  // namespace tributary::cli
