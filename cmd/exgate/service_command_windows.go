package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// serviceCommands returns "exgate service".
func serviceCommands() []*cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Install and steer exgate as a service of Windows",
		Long: `Installs and steers exgate as a service of Windows. It needs the rights of an
administrator. Without log.file, the log goes to the event log.`,
	}
	cmd.AddCommand(
		serviceInstallCommand(),
		serviceVerb("uninstall", "Remove the service; the configuration and state_dir stay", uninstallService),
		serviceVerb("start", "Start the service, and wait until it serves", startService),
		serviceVerb("stop", "Stop the service: it drains within drain_timeout", stopService),
		serviceVerb("reload", "Have the service read its configuration and certificates again",
			func(_ context.Context, s *mgr.Service) error {
				_, err := s.Control(svc.ParamChange)
				return err
			}),
	)
	return []*cobra.Command{cmd}
}

func serviceInstallCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the service, which starts with Windows",
		Long: `Installs the service, which starts with Windows and after a crash. It serves the
configuration of --config and --set. Its account, which has only its own
rights, must be able to read the configuration and its files, and to write to
state_dir.`,
		Example: `  exgate service install --config C:\ProgramData\exgate\exgate.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, file, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			settings, err := cmd.Flags().GetStringArray("set")
			if err != nil {
				return err
			}
			args := []string{"serve"}
			if file != "" {
				if file, err = filepath.Abs(file); err != nil {
					return err
				}
				args = append(args, "--config", file)
			}
			for _, s := range settings {
				args = append(args, "--set", s)
			}
			return installService(account, args)
		},
	}
	cmd.Flags().StringVar(&account, "account", `NT SERVICE\`+serviceName,
		"the `account` that exgate runs as, which needs no password")
	return cmd
}

func installService(account string, args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("connect to the service manager, as an administrator: %w", err)
	}
	defer m.Disconnect()
	s, err := m.CreateService(serviceName, program, mgr.Config{
		DisplayName: "exgate IMAP gateway",
		Description: "An IMAP gateway between any IMAP client and Microsoft Exchange.",
		StartType:   mgr.StartAutomatic, ServiceStartName: account,
	}, args...)
	if err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	defer s.Close()
	restart := []mgr.RecoveryAction{{Type: mgr.ServiceRestart, Delay: 5 * time.Second}}
	err = s.SetRecoveryActions(restart, uint32((24 * time.Hour).Seconds()))
	kinds := uint32(eventlog.Error | eventlog.Warning | eventlog.Info)
	if eventErr := eventlog.InstallAsEventCreate(serviceName, kinds); err == nil {
		err = eventErr
	}
	if err != nil {
		return errors.Join(fmt.Errorf("install the service: %w", err), s.Delete())
	}
	return nil
}

// serviceVerb returns a command about the installed service.
func serviceVerb(use, short string, do func(context.Context, *mgr.Service) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		m, err := mgr.Connect()
		if err != nil {
			return fmt.Errorf("connect to the service manager, as an administrator: %w", err)
		}
		defer m.Disconnect()
		s, err := m.OpenService(serviceName)
		if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
			return exitError{exitUnavailable,
				errors.New("exgate is not installed as a service: exgate service install")}
		}
		if err != nil {
			return err
		}
		defer s.Close()
		if err := do(cmd.Context(), s); err != nil {
			return fmt.Errorf("%s the service: %w", use, err)
		}
		return nil
	}}
}

func uninstallService(_ context.Context, s *mgr.Service) error {
	return errors.Join(s.Delete(), eventlog.Remove(serviceName))
}

func startService(ctx context.Context, s *mgr.Service) error {
	if err := s.Start(); err != nil {
		return err
	}
	state, err := awaitState(ctx, s, svc.StartPending)
	if err == nil && state != svc.Running {
		err = errors.New("exgate has ended: the event log says why (source exgate, log Application)")
	}
	return err
}

func stopService(ctx context.Context, s *mgr.Service) error {
	if _, err := s.Control(svc.Stop); err != nil {
		return err
	}
	_, err := awaitState(ctx, s, svc.StopPending)
	return err
}

// lookEvery is the pause between two looks at the state of the service: Windows tells of no change.
const lookEvery = 200 * time.Millisecond

// awaitState waits while the service is in a state, and returns the next one.
func awaitState(ctx context.Context, s *mgr.Service, while svc.State) (svc.State, error) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		now, err := s.Query()
		if err != nil || now.State != while {
			return now.State, err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return now.State, context.Cause(ctx)
		}
	}
}
