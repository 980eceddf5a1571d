#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tributary::clickhouse {

/// How bodies are packed on the wire: LZ4 frames or zstd. Servers of before 2020 know neither.
enum class Compression { none, lz4, zstd };

/// How a request says who it is from. A server refuses both at once.
enum class Authentication {
  headers,  ///< X-ClickHouse-User and X-ClickHouse-Key
  basic,    ///< Authorization: Basic, for proxies that know nothing else
};

/// Which server, as whom, and how.
struct ConnectOptions {
  std::string host = "localhost";  ///< name or address (IPv6 without brackets)
  std::uint16_t port = 8123;
  bool tls = false;                ///< TLS 1.2 or later
  bool verify_certificate = true;  ///< certificate and host name; off for a try only, as anybody in between can read along then
  std::string ca_file;  ///< PEM file of those who may sign the server's certificate; empty: the system's
  std::string user = "default";
  std::string password;
  std::string database;  ///< of a query that names none; empty: the user's default
  Authentication authentication = Authentication::headers;
  Compression compression = Compression::lz4;  ///< of bodies both ways; a server is asked for it and may answer plainly
  std::chrono::milliseconds connect_timeout{10'000};  ///< name look-up, TCP and TLS together

  /// http[s]://[user[:password]@]host[:port][/database]; ports 8123 and 8443 where none is named. Throws Error{usage} with a message that says what is
  /// wrong, without repeating the URL, as it may hold a password.
  static ConnectOptions parse(std::string_view url);
  /// The same without password, for people to read.
  std::string redacted() const;

  friend bool operator==(const ConnectOptions&, const ConnectOptions&) = default;
};

}  // namespace tributary::clickhouse
