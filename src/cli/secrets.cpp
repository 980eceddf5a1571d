#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "directory/config_override.hpp"
#include "postgres/transaction.hpp"

namespace tributary::cli {
namespace {

constexpr auto kDeletedTenancies = R"(
SELECT "tenancyId", destinations::text FROM tributary.deleted_tenancy ORDER BY 1 FOR UPDATE
)";
constexpr auto kWriteDestinations = R"(
UPDATE tributary.deleted_tenancy SET destinations = $2 WHERE "tenancyId" = $1
)";

/// Those of deleted tenancies, whose databases have not applied the tombstones yet. Returns of how many.
asio::awaitable<std::size_t> reseal_deleted(postgres::Connection& source, const Secrets& secrets) {
  const auto deadline = statement_deadline();
  auto transaction = co_await postgres::Transaction::begin(source, postgres::TransactionMode::read_committed, deadline);
  const auto result = co_await source.execute(kDeletedTenancies, deadline);
  std::size_t count = 0;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    auto destinations = directory::parse_object(result.get<std::string>(i, 1), "destinations");
    if (!directory::reseal_destinations(destinations, secrets)) continue;
    postgres::Params params;
    params.add(result.get<Uuid>(i, 0)).add_jsonb(boost::json::serialize(destinations));
    co_await source.execute(kWriteDestinations, std::move(params), deadline);
    ++count;
  }
  co_await transaction.commit(deadline);
  co_return count;
}

/// Online: each project is changed under its own lock, for the time that it takes.
asio::awaitable<int> rotate(const settings::Settings& settings, bool json) {
  const auto secrets = secrets_of(settings);
  if (!secrets.has_key()) throw Failure("there is no key to encrypt with; set secrets.key or secrets.key_file", kBadInput);
  auto source = co_await open_source(settings);
  auto count = co_await directory::reseal(source, secrets, statement_deadline());
  count += co_await reseal_deleted(source, secrets);
  if (json)
    std::printf("{\"projects\":%zu}\n", count);
  else
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
  auto* rotating = command->add_subcommand(
      "rotate",
      "Encrypt everything with the first key, while everything runs: what is not encrypted yet, and what an older key did. Then "
      "the older one may go");
  const auto json = std::make_shared<bool>(false);
  rotating->add_flag("--json", *json, "Print of how many projects, as a JSON object");
  rotating->callback([&chosen, json] {
    chosen = [json](const settings::Settings& settings) {
      return run_until_signal([&](std::stop_token) { return rotate(settings, *json); });
    };
  });
}

}  // namespace tributary::cli
