# The runner of the SMTP dialogues; `make talk` runs them all, behind the check of the table.
TALK_SOURCES := tests/talk/talk.c tests/talk/dialogue.c tests/talk/expect.c
build/debug/tests/talk/talk: $(patsubst %.c,build/debug/%.o,$(TALK_SOURCES)) build/debug/libcore.a build/debug/librim.a
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group build/debug/libcore.a build/debug/librim.a -Wl,--end-group $(LIBS)

.PHONY: talk talk-run
talk:
	@$(MAKE) --no-print-directory MODE=debug talk-run
talk-run: build/debug/tests/talk/talk
	@python3 tests/talk/check_table.py
	@timeout 300 build/debug/tests/talk/talk tests/talk/*.talk
