#include <algorithm>
#include <cstring>
#include <string>

#include "fuzz/targets.hpp"
#include "postgres/copy.hpp"
#include "postgres/decode.hpp"
#include "postgres/detail/copy_stream.hpp"
#include "postgres/error.hpp"
#include "postgres/guard.hpp"

namespace tributary::fuzz {
namespace {

using postgres::Error;
using postgres::ErrorKind;

void require_protocol(const Error& error) { require(error.kind() == ErrorKind::protocol, "foreign bytes are a protocol error"); }

template <class T>
void decode_as(const postgres::Value& value) {
  try {
    T out{};
    decode(value, out);
  } catch (const Error& error) {
    require_protocol(error);
  }
}

}  // namespace

/// The first byte says how long CopyData messages are: their borders are the server's choice.
void copy_binary(std::string_view input) {
  if (input.empty()) return;
  const std::size_t piece = 1 + static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  postgres::CopyBatch batch;
  try {
    postgres::detail::CopyStream stream;
    while (!input.empty()) {
      const auto message = input.substr(0, piece);
      stream.take(std::as_bytes(std::span(message)), batch);
      input.remove_prefix(message.size());
    }
  } catch (const Error& error) {
    require_protocol(error);
  }
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    try {
      postgres::TupleView tuple(batch.row(i));
      for (std::size_t field = 0; field < tuple.fields(); ++field) tuple.next();
      require(tuple.rest().empty(), "a row that was taken is whole");
    } catch (const Error& error) {
      require_protocol(error);
    }
  }
}

void binary_values(std::string_view input) {
  postgres::Oid type = 0;
  if (input.size() < sizeof type) return;
  std::memcpy(&type, input.data(), sizeof type);
  const auto bytes = std::as_bytes(std::span(input.substr(sizeof type)));
  // The types that there are decoders for, more often than chance would name them.
  constexpr postgres::Oid kTypes[] = {16, 17, 20, 21, 23, 25, 701, 1009, 1016, 1114, 1184, 2950, 2951, 3802};
  const postgres::Value value{.type = type < 256 ? kTypes[type % std::size(kTypes)] : type, .bytes = bytes, .column = "c"};
  decode_as<bool>(value);
  decode_as<std::int16_t>(value);
  decode_as<std::int32_t>(value);
  decode_as<std::int64_t>(value);
  decode_as<double>(value);
  decode_as<std::string>(value);
  decode_as<Uuid>(value);
  decode_as<postgres::Timestamp>(value);
  decode_as<std::vector<std::byte>>(value);
  decode_as<std::vector<Uuid>>(value);
  decode_as<std::vector<std::int64_t>>(value);
  decode_as<std::vector<std::string>>(value);
}

void connection_string(std::string_view input) {
  static const std::string_view kAllowed[] = {"application_name",
                                              "channel_binding",
                                              "connect_timeout",
                                              "dbname",
                                              "host",
                                              "password",
                                              "port",
                                              "sslmode",
                                              "target_session_attrs",
                                              "user",
                                              "sslcrl",
                                              "passfile",
                                              "sslcert",
                                              "sslkey",
                                              "sslrootcert",
                                              "sslsni",
                                              "ssl_min_protocol_version"};
  try {
    const auto options = postgres::parse_guarded(input, {});
    for (const auto& [name, value] : options.keywords) {
      require(std::ranges::find(kAllowed, name) != std::end(kAllowed), "the set of fields is closed");
      require(!value.empty(), "nothing is left for libpq to fill in");
    }
    for (const char* file : {"passfile", "sslcert", "sslkey", "sslcrl"}) {
      require(options.keywords.at(file) == "/dev/null/none", "no file is named by a stranger");
    }
    const auto& host = options.keywords.at("host");
    require(host.find_first_of(",/@") == std::string::npos, "there is one host, and it is no socket");
    require(postgres::ConnectOptions::parse(options.to_string()).keywords == options.keywords, "it survives being written");
    require(options.redacted().size() < 8'192, "it can be shown");
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage, "a bad string is the caller's");
  }
  Network::parse(input);
}

}  // namespace tributary::fuzz
