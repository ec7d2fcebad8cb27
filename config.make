# SPDX-License-Identifier: BSD-2-Clause
#
# nginx compiles every source with one CFLAGS. These lines (GNU make) give
# C++20 and hidden visibility to our objects only: C files would stop at
# -std=c++20, and nginx loads modules with RTLD_GLOBAL, where visible C++
# symbols of two modules would mix. Headers are tracked by the compiler.

cat << END >> $NGX_MAKEFILE

$NGX_OBJS/addon/lib/%.o: CFLAGS += -std=c++20 -fvisibility=hidden -MMD -MP
$NGX_OBJS/addon/ngx_psm_token_module/%.o: \\
	CFLAGS += -std=c++20 -fvisibility=hidden -MMD -MP

-include \$(wildcard $NGX_OBJS/addon/lib/*.d)
-include \$(wildcard $NGX_OBJS/addon/ngx_psm_token_module/*.d)

END
