#include "verify/pair.hpp"

#include "base/event.hpp"
#include "destination/clickhouse/schema.hpp"
#include "destination/postgres/destination.hpp"
#include "queue/queue.hpp"
#include "verify/postgres_side.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;
using mapping::DestinationKind;

constexpr std::chrono::seconds kQueryTime = 30s;
constexpr std::chrono::milliseconds kBetweenLooks = 100ms;

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
  pair->patience_ = params.connect_timeout;
  pair->source_is_utf8_ = co_await prepare_session(pair->source_, Deadline::after(params.connect_timeout));
  if (pair->place_.is_clickhouse()) {
    if (!clickhouse) throw std::runtime_error("the shared ClickHouse is not in use here");
    pair->clickhouse_.emplace(*clickhouse);
    co_return pair;
  }
  const auto options =
      destination::postgres_target::connect_options(pair->place_.connection_string, pair->place_.tenancy, params);
  pair->destination_ = co_await destination::postgres_target::open_session(options, Deadline::after(params.connect_timeout));
  pair->destination_is_utf8_ = co_await prepare_session(*pair->destination_, Deadline::after(params.connect_timeout));
  co_return pair;
}

DestinationKind Pair::kind() const { return place_.is_clickhouse() ? DestinationKind::clickhouse : DestinationKind::postgres; }

std::unique_ptr<DestinationSide> Pair::destination_side(const mapping::Mapping& mapping) {
  if (place_.is_clickhouse()) {
    return make_clickhouse_side(*clickhouse_, mapping,
                                {.tenancy = place_.tenancy, .project = place_.project, .branch = place_.branch});
  }
  return make_postgres_side({.connection = *destination_,
                             .mapping = mapping,
                             .tenancy = place_.tenancy,
                             .digest = digest_for(kind(), destination_is_utf8_, source_is_utf8_)});
}

asio::awaitable<void> Pair::check_table(const mapping::Mapping& mapping) {
  const auto deadline = Deadline::after(kQueryTime);
  const auto difference = place_.is_clickhouse()
                              ? co_await destination::clickhouse_target::table_difference(clickhouse_->writer, mapping, deadline)
                              : co_await destination::postgres_target::table_difference(*destination_, mapping, deadline);
  if (!difference.empty()) throw TableDiffers(difference);
}

asio::awaitable<bool> Pair::catches_up(const mapping::Mapping& mapping, Deadline deadline, std::stop_token stop) {
  postgres::Params params;
  params.add(place_.tenancy);
  const auto last =
      co_await source_.execute(mapping::last_sequence_id_sql(mapping), std::move(params), Deadline::after(kQueryTime));
  const auto wanted = last.get<std::int64_t>(0, 0);
  const auto side = destination_side(mapping);
  Event pause(co_await asio::this_coro::executor);
  while (co_await side->watermark(Deadline::after(patience_)) < wanted) {
    if (deadline.expired() || stop.stop_requested()) co_return false;
    co_await pause.wait(deadline.capped(kBetweenLooks), stop);
  }
  co_return true;
}

asio::awaitable<Progress> Pair::compare(const mapping::Mapping& mapping, Params params, Progress begun, Comparison::Found found,
                                        Comparison::Advanced advanced, std::stop_token stop) {
  co_await check_table(mapping);
  const auto source = make_source_side({.connection = source_,
                                        .mapping = mapping,
                                        .tenancy = place_.tenancy,
                                        .kind = kind(),
                                        .digest = digest_for(kind(), source_is_utf8_, destination_is_utf8_)});
  const auto destination = destination_side(mapping);
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
