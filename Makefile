# Two commands do all the set-up: `make up` and `make test`. Everything is decided in local/cli.py. The verbs:
#
# make up [PORT=9443]           everything: three servers, https://localhost:8443 answers
# make test                     every test
# make status                   the servers: state, address, health, database role, release; who may write, who lacks what
# make switchover [TO=web-b]    the other database becomes the primary; nothing is lost
# make promote [TO=web-b] [FORCE=3]  the primary is lost: what promoting the other would lose; with FORCE, promotes it
# make why                      why a release was refused, in the server's words
# make shell SERVER=web-a       a root shell on a server;  make logs SERVER=web-a  follows its journal
# make preview [STACK=dev]      what an up would change
# make env                      export lines for plain pulumi, boto3 or any AWS tool: eval "$(make -s env)"
# make drill [DRILL=quick]      faults on the running site, and what they cost; DRILL names some of them, REPEAT=30 repeats
# make peers [REPEAT=30]        MySQL Group Replication under the same faults, for comparison
# make bench                    how long the verbs take and what a server needs
# make down [VOLUMES=delete]    stop the machines; with VOLUMES=delete destroy everything, data too

PYTHON ?= python3
export PORT

# A misspelt T0=web-b would leave the verb to its default.
ifeq ($(MAKELEVEL),0)
VARIABLES := PYTHON PORT VOLUMES TO FORCE SERVER STACK ONLY DRILL REPEAT SETTINGS
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out $(VARIABLES),$(GIVEN))
$(if $(UNKNOWN),$(error there is no variable $(UNKNOWN); there are: $(VARIABLES)))
endif

.PHONY: help up down status switchover promote why shell logs preview env test bench drill peers

help:
	@sed -n 's/^# make/make/p' Makefile

up:
	@$(PYTHON) -m local up

down:
	@$(PYTHON) -m local down $(if $(VOLUMES),--volumes $(VOLUMES))

status why env bench:
	@$(PYTHON) -m local $@

switchover:
	@$(PYTHON) -m local switchover $(if $(TO),--to $(TO))

promote:
	@$(PYTHON) -m local promote $(if $(TO),--to $(TO)) $(if $(FORCE),--force $(FORCE))

shell logs:
	@$(if $(SERVER),,$(error on which server? For example: make $@ SERVER=web-a))$(PYTHON) -m local $@ $(SERVER)

preview:
	@$(PYTHON) -m local preview $(if $(STACK),--stack $(STACK))

test:
	@$(PYTHON) -m local test $(ONLY)

drill:
	@$(PYTHON) -m local drill $(DRILL) $(if $(REPEAT),--repeat $(REPEAT))

peers:
	@$(PYTHON) -m local peers $(DRILL) $(if $(SETTINGS),--settings $(SETTINGS)) $(if $(REPEAT),--repeat $(REPEAT))
