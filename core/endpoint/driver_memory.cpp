// The memory that large values are sent in, and what has come in that of the peers.
#include <new>
#include <utility>
#include <vector>

#include "core/endpoint/driver_impl.hpp"
#include "core/shm/blob_pool.hpp"

namespace ipcbridge {

Driver::Allocator Driver::Impl::allocator(Connection* connection) {
  if (connection == nullptr || connection->closed() || !connection->is_open()) return {};
  const BlobMemory* memory = connection->channel().blob_memory();
  return memory == nullptr ? Allocator() : memory->allocator();
}

// What this side needs no more of what its peers have sent. What there is no memory to tell of is told with the next.
void Driver::Impl::return_blobs() {
  if (context_.blob_returns()->empty()) return;
  std::vector<BlobReturns::Returned> returned = context_.blob_returns()->take();
  try {
    std::vector<std::uint64_t> numbers;
    while (!returned.empty()) {
      const std::uint64_t id = returned.back().connection;
      numbers.clear();
      std::size_t left = returned.size();
      // So many as are told of together: all of them, or where there is no memory for that none.
      while (left > 0 && returned[left - 1].connection == id && numbers.size() < Session::kMostFreed) {
        numbers.push_back(returned[--left].number);
      }
      Connection* connection = context_.connection(id);
      const bool is_open = connection != nullptr && !connection->closed() && connection->is_open();
      if (is_open) connection->session().free_blobs(numbers);
      returned.resize(left);
      if (is_open) connection->flush_output();
    }
  } catch (const std::bad_alloc&) {
    context_.blob_returns()->put_back(std::move(returned));
  }
}

Driver::Allocator Driver::allocator(ClientId client) {
  if (impl_->forked()) return {};
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  return found == nullptr ? Allocator() : impl_->allocator(found->usual_connection());
}

Driver::Allocator Driver::allocator_for(std::uint64_t connection) {
  if (impl_->forked()) return {};
  const Impl::Access access(*impl_);
  return impl_->allocator(impl_->context().connection(connection));
}

BlobRef allocate_blob(std::size_t size) {
  Result<BlobRef> shared = shm::BlobPool::of_process().allocate(size);
  return shared.ok() && shared.value() ? std::move(shared).value() : make_heap_blob(size);
}

BlobRef allocate_sealable_blob(std::size_t size) { return shm::BlobPool::of_process().allocate_sealable(size); }

Attachment find_blob(ConstBytes bytes) { return shm::BlobPool::of_process().find(bytes); }

}  // namespace ipcbridge
