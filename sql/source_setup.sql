-- Prepares a source database for trunklined. Run it as a superuser, in the database to capture:
--
--   psql -d shop -f sql/source_setup.sql                          all tables, of today and later
--   psql -d shop -v tables='customers, orders' -f sql/source_setup.sql
--
-- Also settable: -v role=trunkline -v publication=trunkline. It can be run again: what is there stays,
-- and DDL capture is brought up to date.
-- The server itself needs wal_level = logical (a restart), and a free replication slot and sender;
-- `trunklined --check` tests it all.
\set ON_ERROR_STOP on
\if :{?role} \else \set role trunkline \endif
\if :{?publication} \else \set publication trunkline \endif
\if :{?tables} \else \set tables '' \endif

-- The role the daemon connects as. REPLICATION: to stream changes and to make its slot.
select format('create role %I login replication', :'role')
where not exists (select from pg_roles where rolname = :'role') \gexec
select format('alter role %I login replication', :'role') \gexec

-- Reading all tables is for the base snapshot, a COPY of each published table. To narrow it, revoke
-- this and grant SELECT on the published tables and USAGE on their schemas.
select format('grant pg_read_all_data to %I', :'role') \gexec

-- What is captured. It has to exist before the slot does, since a slot cannot decode changes with a
-- publication from after them. UPDATE and DELETE of a published table without a primary key fail
-- unless it has another replica identity: alter table … replica identity full.
select format('create publication %I for %s', :'publication',
              case when :'tables' = '' then 'all tables' else 'table ' || :'tables' end)
where not exists (select from pg_publication where pubname = :'publication') \gexec

-- DDL capture, and restore points: select trunkline.restore_point('before the sale').
\ir definition.sql
\ir ddl_capture.sql
-- Digests of the published tables, to check the archive by: select * from trunkline.digests('trunkline').
\ir digest.sql
select format('grant execute on function trunkline.definition(name), trunkline.restore_point(text) to %I',
              :'role') \gexec
select trunkline.capture(:'publication') as captured \gset

-- Then give the role a password (\password trunkline), or let pg_hba.conf admit it by other means: the
-- lines that matter name this database; the keyword "replication" is for physical replication alone.
