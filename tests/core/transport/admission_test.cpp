#include "core/transport/admission.hpp"

#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

constexpr uid_t kOther = 4711;
constexpr uid_t kOverflow = 65534;

const KnownIds kEverybody(true, kOverflow, true, kOverflow);
// The namespace maps a few ids only; everybody else is shown as 65534.
const KnownIds kFew(false, kOverflow, false, kOverflow);

LocalPeer user(uid_t uid, gid_t gid = 4712, std::vector<gid_t> groups = {}) { return {1, uid, gid, std::move(groups)}; }

Code code_of(const Status& status) { return status.ok() ? Code::kOk : status.error().code; }

TEST(AdmissionTest, OwnUserAndRootComeInAndMayReplace) {
  const Admission admission(kEverybody, {});
  for (const uid_t uid : {::geteuid(), uid_t{0}}) {
    EXPECT_TRUE(admission.admit(user(uid)).ok());
    EXPECT_TRUE(admission.is_owner(user(uid)));
  }
}

TEST(AdmissionTest, OthersComeInWhereTheListNamesThemAndMayNotReplace) {
  EXPECT_EQ(code_of(Admission(kEverybody, {}).admit(user(kOther))), Code::kPermissionDenied);
  const Admission by_user(kEverybody, {{kOther}, {}});
  EXPECT_TRUE(by_user.admit(user(kOther)).ok());
  EXPECT_FALSE(by_user.is_owner(user(kOther)));
  const Admission by_group(kEverybody, {{}, {50}});
  EXPECT_TRUE(by_group.admit(user(kOther, 50)).ok());
  EXPECT_TRUE(by_group.admit(user(kOther, 4712, {49, 50})).ok());
  EXPECT_EQ(code_of(by_group.admit(user(kOther, 51, {49}))), Code::kPermissionDenied);
}

TEST(AdmissionTest, WhomTheNamespaceDoesNotMapIsNobodyWhoeverThisProcessIs) {
  const Admission admission(kFew, {{kOverflow}, {kOverflow}});
  const Status status = admission.admit(user(kOverflow, kOverflow, {kOverflow}));
  ASSERT_EQ(code_of(status), Code::kPermissionDenied);
  EXPECT_NE(status.error().message.find("namespace"), std::string::npos);
  EXPECT_FALSE(admission.is_owner(user(kOverflow)));
  EXPECT_TRUE(Admission(kFew, {{}, {50}}).admit(user(kOverflow, 50)).ok()) << "its group is mapped";
}

TEST(AdmissionTest, TheUserNobodyIsAUserWhereEverybodyIsMapped) {
  EXPECT_TRUE(Admission(kEverybody, {{kOverflow}, {}}).admit(user(kOverflow)).ok());
}

TEST(AdmissionTest, ANetworkPeerNeedsANameAndIsNeverAnOwner) {
  const Admission admission(kEverybody, {{0, kOther}, {0}});
  EXPECT_EQ(code_of(admission.admit(NetworkPeer{"10.0.0.7", 4000})), Code::kPermissionDenied);
  EXPECT_TRUE(admission.admit(NetworkPeer{"10.0.0.7", 4000, "backup"}).ok());
  EXPECT_FALSE(admission.is_owner(NetworkPeer{"10.0.0.7", 4000, "backup"}));
}

TEST(AdmissionTest, QuotasAreSharedByUserByNameAndByHost) {
  EXPECT_EQ(quota_holder(user(kOther, 1)), quota_holder(user(kOther, 2)));
  EXPECT_NE(quota_holder(user(kOther)), quota_holder(user(kOther + 1)));
  EXPECT_EQ(quota_holder(NetworkPeer{"10.0.0.7", 1}), quota_holder(NetworkPeer{"10.0.0.7", 2}));
  EXPECT_EQ(quota_holder(NetworkPeer{"10.0.0.7", 1, "backup"}), quota_holder(NetworkPeer{"10.0.0.8", 2, "backup"}));
  EXPECT_NE(quota_holder(NetworkPeer{"10.0.0.7", 1}), quota_holder(NetworkPeer{"10.0.0.8", 1}));
  EXPECT_NE(quota_holder(NetworkPeer{"4711", 1}), quota_holder(user(kOther)));
}

}  // namespace
}  // namespace ipcbridge
