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
  title: (site) => (site ? `${site} – Footfall` : 'Footfall'),
  site: 'Site',
  periodGroup: 'Period',
  periods: { today: 'Today', yesterday: 'Yesterday', '24h': '24 h', '7d': '7 days', '30d': '30 days', month: 'Month', year: 'Year',
    all: 'All', custom: 'Custom' },
  earlier: 'Earlier period',
  later: 'Later period',
  customTitle: 'Choose a period',
  from: 'From',
  to: 'To, that day included',
  apply: 'Show',
  badRange: 'The first day must not be after the last.',
  compare: 'Compare',
  compareTitle: 'Compare with the period before',
  zone: 'Time zone',
  zoneTitle: 'Time zone of days and hours',
  zoneSearch: 'Search zones',
  zoneNone: 'No zone of this name.',
  help: 'Help and keys',
  now: (n, text) => (n === 1 ? `${text} visitor now` : `${text} visitors now`),
  nowTitle: 'Different visitors of the last 5 minutes. The bars: page views in each of the last 30 minutes.',
  live: { live: 'Live', wait: 'Connecting', paused: 'Paused', off: 'Not connected: trying again' },

  measures: {
    visitors: { name: 'Visitors', about: 'Different people a day, without cookies. Of several days: the sum of days. Over a few hundred it is an estimate, to within about 1 %.' },
    visits: { name: 'Visits', about: 'Page views of a visitor with no more than 30 minutes from one to the next.' },
    pageviews: { name: 'Page views', about: 'Pages that people looked at. Bots are left out.' },
    views_per_visit: { name: 'Views per visit', about: 'Page views of a visit, on average.' },
    bounce_rate: { name: 'Bounce rate', about: 'Visits of a single page view.' },
    visit_duration: { name: 'Visit duration', about: 'From the first to the last page view of a visit, on average.' },
  },
  against: (range) => `compared with ${range}`,
  cards: 'Totals',
  chart: 'Over time',
  chartLabel: (measure, range, step) => `${measure}, ${range}, by ${step}. Left and right arrow keys read the values.`,
  steps: { minute: 'minute', '15m': 'quarter hour', hour: 'hour', day: 'day', week: 'week' },
  byStep: { minute: 'by minute', '15m': 'by quarter hour', hour: 'by hour', day: 'by day', week: 'by week' },
  before: 'Period before',
  running: 'still running',
  zoomHint: 'Drag to zoom',
  asTable: 'Table',
  asChart: 'Chart',
  csv: 'CSV',
  csvOf: (name) => `${name} as CSV`,
  slot: 'Time',

  panels: { pages: 'Pages', referrers: 'Sources', places: 'Places', browsers: 'Technology' },
  tabs: { pages: 'Pages', entry: 'Entry pages', exit: 'Exit pages', referrers: 'Referrers', campaigns: 'Campaigns', countries: 'Countries',
    regions: 'Regions', browsers: 'Browsers', systems: 'Systems', devices: 'Devices' },
  columns: { visitors: 'Visitors', pageviews: 'Views', visits: 'Visits', bounces: 'Bounce rate' },
  dims: { path: 'Page', entry_page: 'Entry page', exit_page: 'Exit page', referrer_host: 'Referrer', utm_source: 'Source', utm_medium: 'Medium',
    utm_campaign: 'Campaign', country: 'Country', region: 'Region', browser: 'Browser', os: 'System', device: 'Device' },
  nothing: { referrer_host: 'Direct or unknown', country: 'Unknown', region: 'Unknown', browser: 'Unknown', os: 'Unknown', device: 'Unknown',
    path: 'No page', entry_page: 'No page', exit_page: 'No page', utm_source: 'No source', utm_medium: 'No medium', utm_campaign: 'No campaign' },
  more: 'More',
  moreOf: (name) => `More: ${name}`,
  searchOf: (name) => `Search ${name.toLowerCase()}`,
  search: 'Search',
  showMore: 'Show more',
  shown: (n, all) => `${n} of ${all}`,
  noRows: 'Nothing in this period.',
  noMatch: 'Nothing found.',
  filterBy: (text) => `Show only ${text}`,

  filters: 'Filters',
  is: 'is',
  isNot: 'is not',
  flip: 'change to the opposite',
  removeFilter: (text) => `Remove the filter ${text}`,
  clearFilters: 'Clear all',

  why: {
    visitsByPage: 'Visits know their entry and exit page only: not told with this page filter.',
    eventsByVisit: 'Page views do not know the entry or exit page of their visit: not told with this filter.',
  },
  whyShort: { visitsByPage: 'not with a page filter', eventsByVisit: 'not with this filter' },

  failed: 'This could not be loaded.',
  stale: (cause) => `Not up to date: ${cause}`,
  noSuchSite: 'There is no site of this name, or you may not see it.',

  emptyTitle: (site) => `Waiting for the first page view of ${site}`,
  emptyText: 'Put this into the <head> of your pages. The numbers appear here by themselves.',
  emptySites: 'No site has been added yet. Put this into the pages of yours, and add its name: footfall site add NAME',
  emptyServer: 'From a server or a script instead, with a token of scope ingest:',
  snippet: 'Snippet',

  helpTitle: 'Keys and numbers',
  keys: [
    [['t'], 'today'], [['y'], 'yesterday'], [['2', '4'], '24 hours'], [['7'], '7 days'], [['3', '0'], '30 days'], [['m'], 'month'], [['a'], 'all'],
    [['←', '→'], 'earlier, later period'], [['c'], 'compare with the period before'], [['/'], 'search pages'],
    [['Esc'], 'clear all filters'], [['?'], 'this help'],
  ],
  helpKeys: 'Keys',
  helpNumbers: 'What the numbers mean',
};

export const system = {
};

export const signIn = {
};
