/* SPDX-License-Identifier: BSD-2-Clause */
/* What ewbd makes of good options; t/wire/bad_input.t has the others. */
#include "config.h"

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/address.h"
#include "daemon/options.h"
#include "t/unit.h"

#define AT(member) \
	offsetof(struct options, member), sizeof((struct options *)0)->member

static const struct {
	const char *option, *text;
	size_t at, size;
	uint64_t by_default, value;
} numbers[] = {
	{ "-p", "0", AT(port), 11211, 0 },
	{ "--port", "65535", AT(port), 11211, 65535 },
	{ "--vbuckets", "1024", AT(server.vbuckets), 64, 1024 },
	{ "-c", "7", AT(server.max_connections), 1024, 7 },
	{ "--max-connections", "8", AT(server.max_connections), 1024, 8 },
	{ "-I", "64k", AT(server.max_item), 1 << 20, 65536 },
	{ "--max-item-size", "2M", AT(server.max_item), 1 << 20, 2 << 20 },
	{ "-I", "1m", AT(server.max_item), 1 << 20, 1 << 20 },
	{ "-I", "1024k", AT(server.max_item), 1 << 20, 1 << 20 },
	{ "-a", "0660", AT(server.unix_mode), 0700, 0660 },
	{ "--unix-mask", "777", AT(server.unix_mode), 0700, 0777 },
	{ "-b", "5", AT(server.backlog), 0, 5 },
	{ "--listen-backlog", "6", AT(server.backlog), 0, 6 },
	{ "-R", "1", AT(server.requests_per_turn), 256, 1 },
	{ "--requests-per-turn", "9", AT(server.requests_per_turn), 256, 9 },
	{ "--pool", "reader=5", AT(server.pool[EWB_READER].threads), 2, 5 },
	{ "--pool", "writer=256", AT(server.pool[EWB_WRITER].threads), 1, 256 },
	{ "--pool", "aux=3", AT(server.pool[EWB_AUX].threads), 1, 3 },
	{ "--deadline", "0", AT(server.deadline_ms), 2500, 0 },
	{ "--buffer-memory", "1G", AT(server.buffer_memory), 256 << 20,
	  1 << 30 },
	{ "--max-cookies", "10", AT(server.max_cookies), 100000, 10 },
	{ "--in-flight", "11", AT(server.in_flight), 128, 11 },
	{ "--max-unread", "8M", AT(server.max_unread), 4 << 20, 8 << 20 },
	{ "--no-progress", "12", AT(server.no_progress_s), 60, 12 },
	{ "--idle-timeout", "13", AT(server.idle_timeout_s), 0, 13 },
	{ "--max-scans", "14", AT(scans.max_scans), 4096, 14 },
	{ "--scan-lifetime", "15", AT(scans.lifetime_s), 180, 15 },
	{ "--scan-idle", "16", AT(scans.idle_s), 60, 16 },
	{ "--stop-grace", "17", AT(stop_grace_s), 10, 17 },
};
#define NNUMBERS (sizeof numbers / sizeof *numbers)

/* As with "ewbd WORD... memory"; a null word is none. */
static void
parse(struct options *o, const char *a, const char *b)
{
	static char words[4][64] = { "ewbd" }; /* a list points to them */
	char *argv[5] = { words[0] };
	const char *in[] = { a, b, "memory" };
	int argc = 1;

	for (unsigned i = 0; i < 3; i++) {
		if (in[i] == NULL)
			continue;
		ck_assert_uint_lt(strlen(in[i]), sizeof words[0]);
		strcpy(words[argc], in[i]);
		argv[argc] = words[argc];
		argc++;
	}
	optind = 0; /* glibc's getopt begins anew */
	options_parse(o, argc, argv);
	ck_assert_str_eq(o->engine, "memory");
	o->engine = NULL; /* it points to words */
}

static uint64_t
number_at(const struct options *o, size_t at, size_t size)
{
	const char *p = (const char *)o + at;
	uint64_t wide;
	uint32_t n;

	if (size == sizeof wide) {
		memcpy(&wide, p, size);
		return wide;
	}
	ck_assert_uint_eq(size, sizeof n);
	memcpy(&n, p, size);
	return n;
}

START_TEST(passwords_leave_a_thread_to_scans)
{
	struct options o;

	parse(&o, "--users", "x");
	ck_assert_uint_eq(o.server.pool[EWB_AUX].threads, 2);
	parse(&o, "--users=x", "--pool=aux=1");
	ck_assert_uint_eq(o.server.pool[EWB_AUX].threads, 1);
	parse(&o, "--users=x", "--pool=reader=7");
	ck_assert_uint_eq(o.server.pool[EWB_AUX].threads, 2);
}
END_TEST

START_TEST(without_options_everything_is_as_the_manual_says)
{
	struct options o;

	parse(&o, NULL, NULL);
	for (unsigned i = 0; i < NNUMBERS; i++)
		ck_assert_msg(number_at(&o, numbers[i].at, numbers[i].size) ==
		                      numbers[i].by_default,
		              "%s", numbers[i].option);
	ck_assert_uint_eq(o.server.high, 1 << 20);
	ck_assert_uint_eq(o.server.low, 256 << 10);
	ck_assert_uint_eq(o.nlisten, 1);
	ck_assert_str_eq(o.listen[0], "127.0.0.1");
	ck_assert_uint_eq(o.nunix, 0);
	ck_assert_uint_ge(o.threads, 1);
	ck_assert_uint_le(o.threads, 4);
	ck_assert_int_eq(o.daemonize, 0);
	ck_assert_int_eq(o.shutdown, 0);
	ck_assert_ptr_null(o.pidfile);
	ck_assert_ptr_null(o.portfile);
	ck_assert_ptr_null(o.user);
	ck_assert_str_eq(o.engines, ENGINE_DIR);
	ck_assert_int_eq(o.server.verbose, 0);
	ck_assert_uint_eq(o.nsettings, 0);
}
END_TEST

START_TEST(each_option_sets_its_own_number_and_no_other)
{
	struct options by_default, o;
	size_t at = numbers[_i].at, size = numbers[_i].size;

	parse(&by_default, NULL, NULL);
	parse(&o, numbers[_i].option, numbers[_i].text);
	ck_assert_uint_eq(number_at(&o, at, size), numbers[_i].value);
	memcpy((char *)&o + at, (char *)&by_default + at, size);
	o.listens = o.has_connections = o.has_aux = 0; /* that it was said is noted too */
	ck_assert_mem_eq(&o, &by_default, sizeof o);
}
END_TEST

START_TEST(a_command_that_is_run_gets_a_free_port_unless_it_is_said)
{
	struct options o;

	parse(&o, "--run", "ewbctl ping");
	ck_assert_str_eq(o.run, "ewbctl ping");
	ck_assert_uint_eq(o.port, 0);
	parse(&o, "--run=true", "-p4000");
	ck_assert_uint_eq(o.port, 4000);
}
END_TEST

START_TEST(the_low_mark_is_a_quarter_of_the_high_one_unless_it_is_said)
{
	struct options o;

	parse(&o, "--high", "8M");
	ck_assert_uint_eq(o.server.high, 8 << 20);
	ck_assert_uint_eq(o.server.low, 2 << 20);
	parse(&o, "--low", "64k");
	ck_assert_uint_eq(o.server.high, 1 << 20);
	ck_assert_uint_eq(o.server.low, 64 << 10);
	parse(&o, "--high=8M", "--low=1M");
	ck_assert_uint_eq(o.server.high, 8 << 20);
	ck_assert_uint_eq(o.server.low, 1 << 20);
}
END_TEST

static const struct {
	const char *option, *text, *limit, *full;
} memories[] = {
	{ "-m", "64", "67108864", "evict" },
	{ "-m", "64k", "65536", "evict" },
	{ "--memory-limit", "2G", "2147483648", "evict" },
	{ "-M", NULL, NULL, "refuse" },
	{ "--disable-evictions", NULL, NULL, "refuse" },
	{ "-m1", "-M", "1048576", "refuse" },
	{ "-M", "-m1M", "1048576", "refuse" },
};

START_TEST(the_memory_limit_is_a_parameter_in_megabytes_without_a_unit)
{
	struct options o;
	unsigned n = memories[_i].limit ? 2 : 1;

	parse(&o, memories[_i].option, memories[_i].text);
	ck_assert_uint_eq(o.nsettings, n);
	if (memories[_i].limit) {
		ck_assert_str_eq(o.settings[0].name, "limit");
		ck_assert_str_eq(o.settings[0].value, memories[_i].limit);
	}
	ck_assert_str_eq(o.settings[n - 1].name, "full");
	ck_assert_str_eq(o.settings[n - 1].value, memories[_i].full);
}
END_TEST

START_TEST(a_comma_is_between_addresses)
{
	struct options o;

	parse(&o, "-l", "127.0.0.1,[::1]:4000,::1,host:5,host");
	ck_assert_uint_eq(o.nlisten, 5);
	ck_assert_str_eq(o.listen[0], "127.0.0.1");
	ck_assert_str_eq(o.listen[1], "[::1]:4000");
	ck_assert_str_eq(o.listen[4], "host");
	ck_assert_int_eq(o.listens, 1);
	parse(&o, NULL, NULL);
	ck_assert_int_eq(o.listens, 0);
}
END_TEST

static const struct {
	const char *address, *port, *whole;
} addresses[] = {
	{ "127.0.0.1", NULL, "127.0.0.1:7" },
	{ "127.0.0.1:4", "4", "127.0.0.1:4" },
	{ "host:", "", "host:" }, /* refused where it is listened on */
	{ "::1", NULL, "[::1]:7" },
	{ "[::1]", NULL, "[::1]:7" },
	{ "[::1]:4", "4", "[::1]:4" },
	{ "[::1", NULL, "[::1:7" }, /* likewise */
};

START_TEST(an_address_has_its_own_port_or_the_one_for_all)
{
	const char *port = address_port(addresses[_i].address);
	char whole[64];

	if (addresses[_i].port)
		ck_assert_str_eq(port, addresses[_i].port);
	else
		ck_assert_ptr_null(port);
	address_whole(whole, sizeof whole, addresses[_i].address, 7);
	ck_assert_str_eq(whole, addresses[_i].whole);
}
END_TEST

START_TEST(words_are_kept_as_they_were_said)
{
	char line[] = "ewbd -l ::1 --listen 10.0.0.1 -s a --unix /b -P pid -d "
		      "-A -vv --port-file port --engines dir -u me -t 3 ./x.so a=b=c d=";
	char *argv[32] = { NULL }, *word;
	struct options o;
	int argc = 0;

	for (word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0;
	options_parse(&o, argc, argv);
	ck_assert_uint_eq(o.nlisten, 2);
	ck_assert_str_eq(o.listen[0], "::1");
	ck_assert_str_eq(o.listen[1], "10.0.0.1");
	ck_assert_uint_eq(o.nunix, 2);
	ck_assert_str_eq(o.unix_path[0], "a");
	ck_assert_str_eq(o.unix_path[1], "/b");
	ck_assert_str_eq(o.pidfile, "pid");
	ck_assert_str_eq(o.portfile, "port");
	ck_assert_str_eq(o.engines, "dir");
	ck_assert_str_eq(o.user, "me");
	ck_assert_uint_eq(o.threads, 3);
	ck_assert_int_eq(o.daemonize, 1);
	ck_assert_int_eq(o.shutdown, 1);
	ck_assert_int_eq(o.server.verbose, 2);
	ck_assert_str_eq(o.engine, "./x.so");
	ck_assert_uint_eq(o.nsettings, 2);
	ck_assert_str_eq(o.settings[0].name, "a");
	ck_assert_str_eq(o.settings[0].value, "b=c");
	ck_assert_str_eq(o.settings[1].name, "d");
	ck_assert_str_eq(o.settings[1].value, "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("daemon_options");
	TCase *t = tcase_create("options");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, without_options_everything_is_as_the_manual_says);
	tcase_add_test(t, passwords_leave_a_thread_to_scans);
	tcase_add_loop_test(t, each_option_sets_its_own_number_and_no_other, 0,
	                    (int)NNUMBERS);
	tcase_add_test(t,
	               a_command_that_is_run_gets_a_free_port_unless_it_is_said);
	tcase_add_test(
		t, the_low_mark_is_a_quarter_of_the_high_one_unless_it_is_said);
	tcase_add_loop_test(
		t, the_memory_limit_is_a_parameter_in_megabytes_without_a_unit,
		0, sizeof memories / sizeof *memories);
	tcase_add_test(t, a_comma_is_between_addresses);
	tcase_add_loop_test(t, an_address_has_its_own_port_or_the_one_for_all,
	                    0, (int)(sizeof addresses / sizeof *addresses));
	tcase_add_test(t, words_are_kept_as_they_were_said);
	suite_add_tcase(s, t);
	return unit_run(s);
}
