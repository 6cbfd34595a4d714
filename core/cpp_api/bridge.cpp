#include <memory>
#include <utility>

#include <ipcbridge/ipcbridge.hpp>

#include "core/cpp_api/engine.hpp"
#include "core/cpp_api/remote.hpp"
#include "core/cpp_api/service.hpp"

namespace ipcbridge {

Bridge::Bridge(const BridgeOptions& options) : Bridge(std::make_shared<Engine>(System::real(), options.spin)) {}
Bridge::Bridge(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

Bridge::~Bridge() = default;

Remote Bridge::connect(const std::string& address, const RemoteOptions& options) {
  return Remote(std::make_unique<Remote::Impl>(engine_, address, options));
}

Service Bridge::serve(const std::string& address, Methods methods, const ServiceOptions& options) {
  return Service(std::make_unique<Service::Impl>(engine_, address, std::move(methods), options));
}

}  // namespace ipcbridge
