#include "cli/tracing.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/url/pct_string_view.hpp>
#include <stdexcept>

#include "cli/command.hpp"

namespace tributary::cli {
namespace {

std::pair<std::string, std::string> parse_header(std::string_view text) {
  const auto equals = text.find('=');
  const auto value = boost::urls::make_pct_string_view(text.substr(std::min(equals, text.size() - 1) + 1));
  // Its value may be a secret: it is not repeated.
  if (equals == 0 || equals == std::string_view::npos || !value)
    throw Failure("telemetry.otlp_headers: each must be NAME=VALUE, with %20 for a blank as in a URL", kBadInput);
  std::string decoded;
  value->decode({}, boost::urls::string_token::assign_to(decoded));
  if (decoded.find_first_of("\r\n") != std::string::npos)
    throw Failure("telemetry.otlp_headers: a value has a line break", kBadInput);
  return {std::string(text.substr(0, equals)), std::move(decoded)};
}

}  // namespace

std::optional<Tracing::Params> Tracing::Params::from(const settings::Settings& settings) {
  const auto& given = settings.telemetry;
  if (given.otlp_endpoint.empty()) return std::nullopt;
  Params params;
  params.tracer.ratio = given.trace_sample_ratio;
  try {
    params.exporter.endpoint = telemetry::OtlpEndpoint::parse(given.otlp_endpoint);
  } catch (const std::invalid_argument& mistake) {
    throw Failure(std::string("telemetry.otlp_endpoint ") + mistake.what(), kBadInput);
  }
  for (const auto& header : given.otlp_headers) params.exporter.headers.push_back(parse_header(header));
  params.exporter.resource = {
      .service = given.service_name, .version = std::string(program_version()), .instance = Uuid::random().to_string()};
  return params;
}

Tracing::Tracing(asio::any_io_executor executor, Params params, telemetry::Metrics& metrics)
    : executor_(std::move(executor)), state_(std::make_shared<State>(executor_, std::move(params), metrics)) {}

void Tracing::start() {
  asio::co_spawn(executor_, state_->exporter.run(), [state = state_](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

asio::awaitable<void> Tracing::stop(Deadline deadline) { return state_->exporter.stop(deadline); }

}  // namespace tributary::cli
