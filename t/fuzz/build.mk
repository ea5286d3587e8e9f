# Builds the fuzz targets with clang, whatever the rest is built with:
#
#	make -f t/fuzz/build.mk SRC=. BUILD=. OUT=t/fuzz/out CC=clang LIBS=...
#
# SRC has the sources, BUILD config.h.  Only what the targets are made of.
OPT = -O1 -g1
SANITIZE = address,undefined
all_cflags = $(OPT) -std=gnu11 -pthread -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,$(SANITIZE) -fno-sanitize-recover=all \
	-I$(SRC)/include -I$(SRC) -I$(BUILD) $(CFLAGS)

room = $(patsubst $(SRC)/%.c,$(OUT)/%.o,$(sort $(wildcard $(SRC)/$(1)/*.c)))
fuzz = $(patsubst %,$(OUT)/t/fuzz/%.o,$(1))
below = $(call room,protocol) $(call room,lib)
whole = $(call room,scan) $(call room,frontend) $(call room,cookie) $(below) \
	$(call room,engines/memory) \
	$(call room,filters/wouldblock) $(call room,filters/common) \
	$(OUT)/t/front_play.o $(OUT)/t/wire/fixture_own.o

text = $(call fuzz,text frames fuzz replies) $(below)
binary = $(call fuzz,binary frames fuzz) $(below)
create = $(call fuzz,create fuzz) $(OUT)/scan/request.o $(below)
login = $(call fuzz,login fuzz) $(below)
connection = $(call fuzz,connection asked frames fuzz replies script world) $(whole)

all: $(OUT)/text $(OUT)/binary $(OUT)/create $(OUT)/login $(OUT)/connection

# Plugins, of which each has an entry.
$(OUT)/engines/memory/plugin.o: all_cflags += -Dewb_engine_entry=memory_entry
$(OUT)/filters/wouldblock/plugin.o: all_cflags += -Dewb_engine_entry=wouldblock_entry
$(OUT)/t/wire/fixture_own.o: all_cflags += -Dewb_engine_entry=own_entry

$(OUT)/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

link = $(CC) -fsanitize=fuzzer,$(SANITIZE) -pthread -o $@ $^ $(LIBS)
$(OUT)/text: $(text)
	$(link)
$(OUT)/binary: $(binary)
	$(link)
$(OUT)/create: $(create)
	$(link)
$(OUT)/login: $(login)
	$(link)
$(OUT)/connection: $(connection)
	$(link)

-include $(patsubst %.o,%.d,$(sort $(text) $(binary) $(create) $(login) $(connection)))
