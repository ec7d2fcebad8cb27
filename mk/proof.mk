# SPDX-License-Identifier: BSD-2-Clause
#
# What proves more than `make test` has time for: fuzzing, the bench, memory
# under valgrind, coverage. Included by the Makefile, whose variables it uses.

# ---------------------------------------------------------------- fuzz -----

# libFuzzer comes with clang. It goes on from what earlier runs kept in FUZZ.
FUZZ       := $(BUILD)/fuzz
FUZZ_FLAGS := -g -O1 $(SANITIZE) -fno-sanitize-recover=all
FUZZ_OBJS  := $(patsubst $(ROOT)/%.cpp,$(FUZZ)/obj/%.o,$(LIB_SRCS))
F          ?= $(FUZZ_NAMES)

$(FUZZ)/obj/%.o: $(ROOT)/%.cpp
	@mkdir -p $(@D)
	@echo "compile    $*.cpp (fuzz)"
	@clang++ $(STRICT) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
	    -I$(ROOT)/lib -MMD -MP -c -o $@ $<

$(FUZZ)/%_fuzz: $(FUZZ)/obj/t/fuzz/%_fuzz.o $(FUZZ_OBJS)
	@clang++ $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lhiredis -lcrypto

.SECONDARY: $(FUZZ_NAMES:%=$(FUZZ)/obj/t/fuzz/%_fuzz.o)
-include $(wildcard $(FUZZ)/obj/*/*.d $(FUZZ)/obj/t/*/*.d)

.PHONY: fuzz
fuzz: ## search for inputs that break lib: T=60 (seconds each), F=path
	@$(ROOT)/mk/deps ensure build fuzz
	@$(MAKE) --no-print-directory -s -C $(ROOT) $(F:%=$(FUZZ)/%_fuzz)
	@$(MAKE) --no-print-directory -k -C $(ROOT) $(F:%=fuzz-%)

# One target, and no more at a time than make has jobs.
.PHONY: $(FUZZ_NAMES:%=fuzz-%)
$(FUZZ_NAMES:%=fuzz-%): fuzz-%: $(FUZZ)/%_fuzz
	@$(ROOT)/mk/fuzz $* $(or $(T),60) $(FUZZ)

# ---------------------------------------------------------------- bench ----

# What asks and what is asked there, of the module's own objects of lib.
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,cost load revoke service)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(ROOT)/bench/%.cpp \
    $(ROOT)/bench/http.hpp $(OUT)/ngx_psm_token_module.so
	@mkdir -p $(@D)
	@echo "link       $@"
	@g++ $(STRICT) -g -O2 -I$(ROOT)/lib -o $@ $< $(LIB_OBJS) -lhiredis -lcrypto

.PHONY: bench bench-programs
bench-programs: build $(BENCH_PROGRAMS)

bench: ## measure the gate beside plain nginx and its peers: BENCH=--quick, --save
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps ensure build run bench
	@$(MAKE) --no-print-directory -C $(ROOT) bench-programs SAN=
	@BUILD=$(BUILD) PSM_NGINX=$(NGINX) $(ROOT)/bench/run $(BENCH)

# ---------------------------------------------------------------- coverage -

# The ordinary tests over objects that count, in a build folder of their own.
COVER       := $(BUILD)/coverage
COVER_FLAGS := -g -O0 --coverage

.PHONY: coverage
coverage: ## lines and branches of lib and module that the tests reach
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps ensure build run test coverage
	@mkdir -p $(COVER)
	@find $(COVER) -name '*.gcda' -delete
	@$(MAKE) --no-print-directory -C $(ROOT) BUILD=$(COVER) SAN= VENV=$(VENV) \
	    API_VENV=$(API_VENV) WEB=$(WEB) \
	    IMAGE=$(IMAGE) OPT='$(COVER_FLAGS)' LD_OPT=--coverage UNIT_FLAGS='$(COVER_FLAGS)' prove
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/coverage $(COVER)

# ---------------------------------------------------------------- memory ---

# The tests of what is hardest to end well. Not those that measure time, or
# whose client is slow by itself.
MEMCHECK := $(patsubst %,t/%.t,smoke path_token header_token keepalive privacy \
                phases proxy location_header anonymous_names redis_hostile \
                hostile_desync hostile_frames hostile_records hostile_splits \
                async_body async_exit async_parked async_resume async_stampede)

.PHONY: memcheck
memcheck: ## run some end-to-end tests under valgrind: T=t/one.t
	@NGINX_SRC=$(NGINX_SRC) $(ROOT)/mk/deps ensure build run test memcheck
	@PSM_VALGRIND=1 $(MAKE) --no-print-directory -C $(ROOT) SAN= prove \
	    T="$(or $(T),$(MEMCHECK))"
