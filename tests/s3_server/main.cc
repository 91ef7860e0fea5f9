// s3_test_server --port N [--conditions honoured|ignored|refused] [--first-version] [--page-keys N]
//
// Serves until it is ended, or the process that started it is.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/s3_server/server.h"

using trunkline::test::Behaviour;

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Behaviour behaviour;
  int port = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--first-version") {
      behaviour.only_first_version = true;
      continue;
    }
    if (option == "--port") {
      port = std::atoi(value.c_str());
    } else if (option == "--page-keys") {
      behaviour.page_keys = std::strtoul(value.c_str(), nullptr, 10);
    } else if (option == "--conditions" && value == "ignored") {
      behaviour.conditions = Behaviour::Conditions::kIgnored;
    } else if (option == "--conditions" && value == "refused") {
      behaviour.conditions = Behaviour::Conditions::kRefused;
    } else if (option != "--conditions" || value != "honoured") {
      std::cerr << "s3_test_server: not understood: " << option << " " << value << "\n";
      return 2;
    }
    ++i;
  }
  const trunkline::test::S3Server server(behaviour, port);
  std::cerr << "serving " << server.endpoint() << std::endl;
  pause();
}
