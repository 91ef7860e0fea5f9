// libcurl, loaded when it is first called. Code in our namespace calls it as ever; what is missing
// below does not link.
#pragma once

#include <curl/curl.h>

#include "base/shared_library.h"

namespace trunkline {

inline constinit SharedLibrary libcurl("libcurl.so.4", "libcurl4");

TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_cleanup);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_getinfo);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_init);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_perform);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_reset);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_setopt);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_easy_strerror);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_global_init);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_slist_append);
TRUNKLINE_LAZY_FUNCTION(libcurl, curl_slist_free_all);

}  // namespace trunkline
