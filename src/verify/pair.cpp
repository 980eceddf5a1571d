#include "verify/pair.hpp"

#include "destination/postgres/destination.hpp"
#include "queue/queue.hpp"
#include "verify/postgres_side.hpp"

namespace tributary::verify {
namespace {

using mapping::DestinationKind;

asio::awaitable<postgres::Connection> open_connection(postgres::ConnectOptions options) {
  const auto deadline = Deadline::after(options.connect_timeout);
  co_return co_await postgres::Connection::open(std::move(options), deadline);
}

}  // namespace

bool Place::is_clickhouse() const { return destination == queue::kSharedClickHouse; }

asio::awaitable<std::unique_ptr<Pair>> Pair::open(postgres::ConnectOptions source, Place place,
                                                  destination::postgres_target::Params params,
                                                  std::optional<ClickHouseAccess> clickhouse) {
  const auto named = source.with("client_encoding", "UTF8");
  std::unique_ptr<Pair> pair(new Pair(std::move(place), co_await open_connection(named)));
  pair->source_is_utf8_ = co_await prepare_session(pair->source_, Deadline::after(params.connect_timeout));
  if (pair->place_.is_clickhouse()) {
    if (!clickhouse) throw std::runtime_error("the shared ClickHouse is not in use here");
    pair->clickhouse_.emplace(*clickhouse);
    co_return pair;
  }
  const auto options = destination::postgres_target::connect_options(pair->place_.connection_string, params);
  pair->destination_ = co_await destination::postgres_target::open_session(options, Deadline::after(params.connect_timeout));
  pair->destination_is_utf8_ = co_await prepare_session(*pair->destination_, Deadline::after(params.connect_timeout));
  co_return pair;
}

asio::awaitable<Progress> Pair::compare(const mapping::Mapping& mapping, Params params, Progress begun, Comparison::Found found,
                                        Comparison::Advanced advanced, std::stop_token stop) {
  const auto kind = place_.is_clickhouse() ? DestinationKind::clickhouse : DestinationKind::postgres;
  const auto source = make_source_side({.connection = source_,
                                        .mapping = mapping,
                                        .tenancy = place_.tenancy,
                                        .kind = kind,
                                        .digest = digest_for(kind, source_is_utf8_, destination_is_utf8_)});
  std::unique_ptr<DestinationSide> destination;
  if (place_.is_clickhouse()) {
    destination = make_clickhouse_side(*clickhouse_, mapping,
                                       {.tenancy = place_.tenancy, .project = place_.project, .branch = place_.branch});
  } else {
    destination = make_postgres_side({.connection = *destination_,
                                      .mapping = mapping,
                                      .tenancy = place_.tenancy,
                                      .digest = digest_for(kind, destination_is_utf8_, source_is_utf8_)});
  }
  Comparison comparison(
      *source, *destination, params.comparison,
      [&](std::vector<Difference> differences) -> asio::awaitable<void> {
        if (params.repairs) co_await repair(*source, differences);
        co_await found(std::move(differences));
      },
      std::move(advanced));
  co_return co_await comparison.run(std::move(begun), std::move(stop));
}

}  // namespace tributary::verify
