#include "core/base/lending.hpp"

#include <memory>
#include <string>

#include "core/base/blob_returns.hpp"

namespace ipcbridge {

Error keeps_too_much(std::uint64_t kept, std::uint64_t most) {
  return {Code::kResourceExhausted, "the other side keeps " + std::to_string(kept) +
                                        " bytes of arrays and large values, and may keep " + std::to_string(most) +
                                        ": it is to release some"};
}

void let_go(Attachment attachment) {
  const std::shared_ptr<BlobReturns> returns = attachment.memory ? attachment.memory->returns() : nullptr;
  attachment = {};
  if (returns != nullptr) returns->send();
}

}  // namespace ipcbridge
