// SPDX-License-Identifier: Apache-2.0
// What the pages say. Each page takes its own part; a bundle holds only that and `common`.

export const common = {
  product: 'Footfall',
  close: 'Close',
  cancel: 'Cancel',
  copy: 'Copy',
  copied: 'Copied',
  retry: 'Try again',
  loading: 'Loading',
  skip: 'Skip to the content',
  signIn: 'Sign in',
  signOut: 'Sign out',
  dashboard: 'Dashboard',
  system: 'System',
  unreachable: 'The service cannot be reached. It may be restarting.',
};

export const dashboard = {
};

export const system = {
};

export const signIn = {
};
