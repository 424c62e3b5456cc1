/*
 * The jailed role: what ceno-vmm does when the warden starts it (launch.h).
 *
 *   jail -> read and check the launch record -> build the VM -> close all that set-up
 *   needed -> filter on both threads -> LOCKED -> GO -> run -> STOPPED, exit
 *
 * Nothing is written anywhere but to the control socket and the program's streams.
 */
#ifndef CENO_VMM_JAILED_H
#define CENO_VMM_JAILED_H

/* Runs until the session ends; the exit status: 0 after a stop the warden or the guest
 * asked for, 3 after a violation, 4 after a host error. Never returns before lock
 * without having tried to tell the warden why. */
int ceno_jailed_main(void);

#endif
