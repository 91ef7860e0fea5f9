-- DDL capture: the source tells of each changed definition in its change stream, exactly where the
-- change was made. Installed by source_setup.sql, as a superuser; can be run again at any time, also
-- on a source that is captured already.
--
-- A logical message with the prefix trunkline.definition carries the definition that results
-- (docs/definition.md). Where it cannot be made, the user's command goes through all the same, with
-- a warning, and a message with the prefix trunkline.definition_failed has the daemon ask by itself.

-- The publications captured. A function, since a table would be published with FOR ALL TABLES.
do $$
begin
  if to_regprocedure('trunkline.captured()') is null then
    create function trunkline.captured() returns setof name
    language sql immutable set search_path = '' as 'select null::name where false';
  end if;
end
$$;

-- Registers a publication, and emits its definition as it is now.
create or replace function trunkline.capture(publication name) returns void
language plpgsql set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_publication p where p.pubname = publication) then
    raise exception 'the publication "%" does not exist', publication;
  end if;
  execute pg_catalog.format(
    'create or replace function trunkline.captured() returns setof name '
    'language sql immutable set search_path = '''' as %L',
    pg_catalog.format('select pg_catalog.unnest(%L::name[])',
                      (select pg_catalog.array_agg(distinct known.name)
                       from (select trunkline.captured() union select publication) known(name))));
  perform trunkline.emit_definition(publication, null);
end
$$;

-- Emits the definition unless it is that of `emitted`, an MD5; yields its own. "snapshot" tells a
-- reader which transactions it knows of: those that end later, even if they commit first, it does
-- not.
--
-- The second message keeps the first one in its place. Decoding puts the parts of a transaction (the
-- trigger runs in a subtransaction) in the order of their LSNs, and takes a message for as late as
-- its record ends: a row changed right behind it would come as late, and might come first.
create or replace function trunkline.emit_definition(publication name, emitted text) returns text
language plpgsql set search_path = '' as $$
declare
  document text := trunkline.definition(publication);
  digest text := pg_catalog.md5(document);
begin
  if digest is distinct from emitted then
    perform pg_catalog.pg_logical_emit_message(
      true, 'trunkline.definition',
      pg_catalog.format('{"snapshot" : "%s", %s', pg_catalog.pg_current_snapshot(),
                        pg_catalog.substr(document, 2)));
    perform pg_catalog.pg_logical_emit_message(true, 'trunkline.defined', '');
  end if;
  return digest;
end
$$;

-- Runs as its owner, so that any role's DDL is captured. Never fails, and never waits long: making
-- a document can need locks that another session's DDL holds. What was emitted last in this
-- transaction is kept in a setting of the transaction, which a rollback takes back with the message.
create or replace function trunkline.on_ddl() returns event_trigger
language plpgsql security definer
set search_path = '' set lock_timeout = '500ms' set row_security = off as $$
declare
  published name;
  emitted jsonb;
  gone text[] := '{}';
begin
  -- What ALTER drops shows when the command ends, but for what leaves a publication.
  if tg_event = 'sql_drop' and tg_tag like 'ALTER %' and tg_tag <> 'ALTER PUBLICATION' then
    return;
  end if;
  begin
    if tg_event = 'sql_drop' then
      if not exists (
        select from pg_catalog.pg_event_trigger_dropped_objects() dropped
        where not dropped.is_temporary
          and dropped.object_type in ('table', 'table column', 'table constraint', 'index',
                                      'default value', 'sequence', 'domain constraint',
                                      'publication relation', 'publication namespace',
                                      'publication'))
      then return; end if;
      gone := array(select dropped.address_names[1]
                    from pg_catalog.pg_event_trigger_dropped_objects() dropped
                    where dropped.object_type = 'publication');
    elsif not exists (
      select from pg_catalog.pg_event_trigger_ddl_commands() command
      where command.schema_name is distinct from 'pg_temp')
    then return; end if;
    emitted := coalesce(
      nullif(pg_catalog.current_setting('trunkline.emitted', true), '')::jsonb, '{}');
    for published in
      select c from trunkline.captured() c
      where exists (select from pg_catalog.pg_publication p where p.pubname = c) or c = any (gone)
    loop
      emitted := emitted || pg_catalog.jsonb_build_object(
        published, trunkline.emit_definition(published, emitted ->> published::text));
    end loop;
    perform pg_catalog.set_config('trunkline.emitted', emitted::text, true);
  exception when others then
    raise warning 'trunkline: the definition that results is not in the change stream: %', sqlerrm
      using hint = 'trunklined asks for it instead; states in between may lack this change';
    for published in select c from trunkline.captured() c loop
      perform pg_catalog.pg_logical_emit_message(true, 'trunkline.definition_failed', published::text);
    end loop;
  end;
end
$$;

-- A table is about to be rewritten with values that its definition need not tell of: the type of a
-- column changed (4) with USING, or a generated column's expression (2). A message with the prefix
-- trunkline.rewritten, "OID REASON", says so; also of the tables that it is a partition of.
create or replace function trunkline.on_rewrite() returns event_trigger
language plpgsql security definer set search_path = '' as $$
declare
  command text := coalesce(pg_catalog.current_query(), '');
  reason integer := pg_catalog.pg_event_trigger_table_rewrite_reason();
  rewritten oid := pg_catalog.pg_event_trigger_table_rewrite_oid();
begin
  -- Without USING, values are converted as their types say. Of a command in a function there is no
  -- text to be seen.
  if reason & 6 = 0 or reason & 6 = 4 and command ~* '\malter\s+table\M' and command !~* '\musing\M' then
    return;
  end if;
  perform pg_catalog.pg_logical_emit_message(
    true, 'trunkline.rewritten', pg_catalog.format('%s %s', named.oid, reason))
  from (select rewritten
        union select a.relid::oid from pg_catalog.pg_partition_ancestors(rewritten) a(relid)) named(oid);
end
$$;

-- A restore point: trunkline's --at name:NAME is the end of this transaction.
create or replace function trunkline.restore_point(name text) returns pg_lsn
language plpgsql security definer set search_path = '' as $$
begin
  if coalesce(name, '') = '' then
    raise exception 'a restore point needs a name'
      using errcode = 'invalid_parameter_value',
            hint = 'select trunkline.restore_point(''before the sale'')';
  end if;
  return pg_catalog.pg_logical_emit_message(true, 'trunkline.restore_point', name);
end
$$;

revoke all on all functions in schema trunkline from public;
grant usage on schema trunkline to public;
grant execute on function trunkline.captured() to public;

-- Commands that can touch a definition; whatever they drop comes as sql_drop. "enable always": also
-- where session_replication_role = replica.
drop event trigger if exists trunkline_ddl;
create event trigger trunkline_ddl on ddl_command_end
  when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE INDEX',
               'ALTER INDEX', 'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE SEQUENCE', 'ALTER SEQUENCE',
               'ALTER TYPE', 'ALTER DOMAIN', 'ALTER COLLATION', 'ALTER FUNCTION', 'ALTER EXTENSION',
               'ALTER OPERATOR CLASS', 'CREATE PUBLICATION', 'ALTER PUBLICATION')
  execute function trunkline.on_ddl();
alter event trigger trunkline_ddl enable always;
drop event trigger if exists trunkline_drop;
create event trigger trunkline_drop on sql_drop execute function trunkline.on_ddl();
alter event trigger trunkline_drop enable always;
drop event trigger if exists trunkline_rewrite;
create event trigger trunkline_rewrite on table_rewrite execute function trunkline.on_rewrite();
alter event trigger trunkline_rewrite enable always;
