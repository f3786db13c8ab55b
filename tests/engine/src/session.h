/* One debugger session: opens a target in the Windows debugger engine and runs steps in it. */
#pragma once
#include "wide.h"
#include <string>

struct Session {
    IDebugClient5 *client;
    IDebugControl4 *control;
    IDebugSymbols2 *symbols;
    IDebugSystemObjects2 *objects;
    size_t longest_write;    /* characters of the longest single write a script made in this step */
    void execute(const char *command, ULONG *status);
    void print_state();
};

/* Runs a step that is no debugger command; says whether it was one of its own. */
typedef bool (*OwnStep)(Session &session, const std::string &step, ULONG *status);

/* The whole program: parses the command line, opens the target, runs every step between two marker lines. */
int run_session(int argc, char **argv, OwnStep own_step);
