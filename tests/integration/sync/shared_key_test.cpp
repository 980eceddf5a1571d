#include "fixture.hpp"

// A contact channel's key in the source is (tenancy, user, id), its key at a destination the id alone. Two users with a channel of one id, or one that
// moves by insert and then delete, once stopped the whole mapping (SQLSTATE 21000).

namespace tributary::sync {
namespace {

class SharedKeyTest : public SyncTest {
 protected:
  SharedKeyTest() : tenancy_(add_tenancy(1, {customer_.uri()})) {
    for (unsigned user = 11; user <= 13; ++user) session_.run(test::insert_user(tenancy_, uuid(user)));
  }
  std::string channel_of(unsigned user) {
    return test::insert_channel(tenancy_, uuid(user), uuid(50), fmt::format("{}@example.com", user));
  }
  static std::string remove_channel_of(unsigned user) {
    return fmt::format("DELETE FROM \"ContactChannel\" WHERE \"projectUserId\" = '{}';", uuid(user));
  }
  std::string owner() { return customer_session_.value("SELECT string_agg(user_id::text, ' ') FROM public.contact_channels"); }

  test::Database customer_{"customer"};
  test::Session customer_session_{customer_.session()};
  const std::string tenancy_;
};

TEST_F(SharedKeyTest, TheNewestOfTwoRowsIsTheDestinationsRow) {
  test::Service service(source_);
  wait_until_equal(session_, tenancy_, customer_session_);
  session_.run("BEGIN;" + channel_of(11) + channel_of(12) + "COMMIT");
  wait_until_equal(session_, tenancy_, customer_session_);
  session_.run(channel_of(13));
  wait_until_equal(session_, tenancy_, customer_session_);
  EXPECT_EQ(owner(), uuid(13));
  EXPECT_EQ(state("d0"), "");
}

TEST_F(SharedKeyTest, WhenTheNewestGoesAnotherTakesItsPlace) {
  test::Service service(source_);
  session_.run(channel_of(11));
  wait_until_equal(session_, tenancy_, customer_session_);
  session_.run(channel_of(12));
  wait_until_equal(session_, tenancy_, customer_session_);
  session_.run(remove_channel_of(12));
  wait_until_equal(session_, tenancy_, customer_session_);
  EXPECT_EQ(owner(), uuid(11));
  session_.run(remove_channel_of(11));
  wait_until_equal(session_, tenancy_, customer_session_);
  EXPECT_EQ(owner(), "");
}

TEST_F(SharedKeyTest, ARowMovesByInsertAndDelete) {
  test::Service service(source_);
  session_.run(channel_of(11));
  wait_until_equal(session_, tenancy_, customer_session_);
  session_.run("BEGIN;" + channel_of(12) + remove_channel_of(11) + "COMMIT");
  wait_until_equal(session_, tenancy_, customer_session_);
  EXPECT_EQ(owner(), uuid(12));
}

// Numbered anew together, the older one could come out as the newer: rows are flagged in the order of their keys, and numbered as they stand in the table.
TEST_F(SharedKeyTest, ARowThatIsAcceptedAtLastStaysTheNewest) {
  test::Service service(source_);
  session_.run(channel_of(12));
  wait_until_equal(session_, tenancy_, customer_session_);
  customer_session_.run(fmt::format("ALTER TABLE public.contact_channels ADD CONSTRAINT none CHECK (user_id <> '{}')", uuid(11)));
  session_.run(channel_of(11));
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 1; }, "the row is quarantined");
  customer_session_.run("ALTER TABLE public.contact_channels DROP CONSTRAINT none");
  session_.run("UPDATE tributary.quarantine SET next_try_at = now()");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0; }, "the quarantine is empty");
  test::wait_until_numbered(session_);
  wait_until_equal(session_, tenancy_, customer_session_);
  EXPECT_EQ(owner(), uuid(11));
}

// Straight into an empty table the second row is a unique violation: from there on the load is merged.
TEST_F(SharedKeyTest, AFirstLoadMeetsBothRows) {
  add_users(tenancy_, 1, 50);
  session_.run(channel_of(11) + channel_of(12));
  for (const int load_rows : {20, 1'000}) {
    customer_session_.run("DROP TABLE IF EXISTS public.contact_channels, public.users, public._stack_sync_metadata");
    session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy_));
    test::Service::Params params;
    params.sync.small_rows = 10;
    params.sync.load_rows = load_rows;
    test::Service service(source_, params);
    wait_until_equal(session_, tenancy_, customer_session_);
    EXPECT_EQ(state("d0"), "");
  }
}

}  // namespace
}  // namespace tributary::sync
