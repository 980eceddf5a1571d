#include "fuzz/targets.hpp"

#include <cstdio>
#include <cstdlib>

namespace tributary::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"copy_binary", copy_binary},
    {"binary_values", binary_values},
    {"connection_string", connection_string},
    {"mapping_yaml", mapping_yaml},
    {"settings_yaml", settings_yaml},
    {"tenant_statement", tenant_statement},
    {"statement_tokens", statement_tokens},
    {"explain_tree", explain_tree},
    {"http_request", http_request},
    {"request_body", request_body},
    {"answer_body", answer_body},
    {"exception_text", exception_text},
    {"row_binary", row_binary},
    {"native_block", native_block},
    {"host_json", host_json},
    {"clickhouse_url", clickhouse_url},
    {"api_target", api_target},
    {"config_override", config_override},
    {"params_json", params_json},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

}  // namespace tributary::fuzz
